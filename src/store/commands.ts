import { readdirSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { commandFault, type EngineLock, pathInside, quotePosix } from '../engine/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import { onWindows } from '../files/index.js';
import { renderForWindows } from './commands-windows.js';
import { interpreterOf } from './interpreter.js';
import { markOf } from './mark.js';
import { isAbsence, unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';
import { engineNames, engineStates, type InstalledCommand, type InstalledEngine } from './record.js';

/** The file of a state that shims read. */
export const commandsFile = '.commands';

/**
 * The commands of an engine on this machine: those that there are on its platform.
 * @param parts the directory of each part by type, real
 * @param sources the directory of each source by name
 * @param platform a `process.platform` name
 * @returns undefined where the engine has none
 * @throws EngineshedError `PATH_NOT_FOUND` for a command that is no executable file in its part, `LAYER_UNSAFE` for one that a
 *   link leads out of its source
 */
export function describeCommands(
  lock: EngineLock,
  parts: ReadonlyMap<string, string>,
  sources: ReadonlyMap<string, string>,
  platform: string,
): InstalledCommand[] | undefined {
  if (lock.commands === undefined) return undefined;
  return lock.commands.flatMap(({ name, part, path: paths }) => {
    const path = pathInside('', paths, platform)?.slice(1);
    const directory = parts.get(part);
    const source = lock.parts.find(({ type }) => type === part)?.source ?? '';
    if (path === undefined || directory === undefined) return [];
    const file = commandFile(`${directory}/${path}`, sources.get(source) ?? directory, {
      command: `The command ${name} of ${lock.name}`,
      place: `"${path}" in its part ${part}`,
    });
    const interpreter = onWindows ? interpreterOf(file) : undefined;
    return [{ name, part, path, file, ...(interpreter === undefined ? {} : { interpreter }) }];
  });
}

/**
 * What shims source to run a command of a state, in which they have set `engineshed_command`: it names the state, and sets
 * `engineshed_file` to the file of the command, empty where there is no such command, and `engineshed_damaged` to the first source that
 * is known to be damaged.
 * @param root of the store, absolute
 * @returns undefined for a state without commands
 */
export function renderCommands(engine: InstalledEngine, root: string): string | undefined {
  if (engine.commands === undefined) return undefined;
  if (onWindows) return renderForWindows(engine, root);
  const marks = Object.entries(engine.sources)
    .filter(([, { kind }]) => kind !== 'directory')
    // The lock and the record of a state need not have them in one order.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { directory }]) => `[ -e ${quotePosix(markOf(directory))} ] && engineshed_damaged=${name};\n`,
    );
  const files = engine.commands.map(({ name, file }) => `${name}) engineshed_file=${quotePosix(file)};;\n`);
  return [
    `engineshed_name=${engine.name};\n`,
    `engineshed_id=${engine.id};\n`,
    'engineshed_damaged=;\n',
    ...marks,
    'case $engineshed_command in\n',
    ...files,
    '*) engineshed_file=;;\n',
    'esac;\n',
  ].join('');
}

/** The names of the commands of all states of a store, sorted. Users run what is selected, and that may be any of them. */
export function allCommands(paths: StorePaths): string[] {
  const names = engineNames(paths).flatMap((name) =>
    engineStates(paths, name).flatMap(
      (id) => unlessMissing(() => readdirSync(`${paths.engineState(name, id)}/bin`)) ?? [],
    ),
  );
  return [...new Set(names)].filter((name) => commandFault(name) === undefined).sort();
}

function commandFile(
  path: string,
  source: string,
  { command, place }: { command: string; place: string },
): string {
  const what = `${command} should be ${place}`;
  let file: string;
  let root: string;
  try {
    root = realpathSync(source);
    file = realpathSync(path);
  } catch (cause) {
    if (!isAbsence(cause)) throw inOperation(`Looking for a command: ${command}`, cause);
    throw notThere(`${what}, which has no such file`, path, cause);
  }
  if (!file.startsWith(root + sep))
    throw new EngineshedError('LAYER_UNSAFE', `${what}, and leads out of it`, { details: { path } });
  const stat = statSync(file);
  if (!stat.isFile()) throw notThere(`${what}, which is no file`, path);
  if (!onWindows && (stat.mode & 0o111) === 0) throw notThere(`${what}, which is not executable`, path);
  return file;
}

function notThere(message: string, path: string, cause?: unknown): EngineshedError {
  return new EngineshedError('PATH_NOT_FOUND', message, {
    hint: 'Correct the command in the catalog, or install a build that has it.',
    cause,
    details: { path },
  });
}
