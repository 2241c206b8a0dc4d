import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { allCommands, planShims, type StorePaths, storePaths } from '../../store/index.js';
import type { Host } from '../host.js';
import { storeRoot } from '../places.js';
import { type Check, type Finding, findingOf } from './check.js';

/** Looks at the commands of engines: whether each has its shim, and whether that is what a shell finds. */
export function checkShims(host: Host): Check {
  const name = 'commands';
  try {
    const paths = storePaths(storeRoot(host));
    const commands = allCommands(paths);
    const findings = commands.length === 0 ? [] : [...lacking(paths), ...unreached(host, paths, commands)];
    return { name, summary: commands.length === 0 ? 'no engine has any' : commands.join(', '), findings };
  } catch (error) {
    return {
      name,
      summary: 'unknown',
      findings: [findingOf('The commands of engines cannot be read', error, '')],
    };
  }
}

function lacking(paths: StorePaths): Finding[] {
  const { write, foreign } = planShims(paths);
  return [
    ...write.map(
      (command): Finding => ({
        severity: 'problem',
        issue: `The command ${command} does not run`,
        cause: `Its shim ${paths.shim(command)} is missing, or not of this version`,
        remedy: 'Every command that changes the store makes it, for instance: engineshed verify --fast',
      }),
    ),
    ...foreign.map(
      (command): Finding => ({
        severity: 'problem',
        issue: `The command ${command} has no shim`,
        cause: `${paths.shim(command)} is there, and Engineshed did not make it`,
        remedy: 'Move it away, and then for instance: engineshed verify --fast',
      }),
    ),
  ];
}

function unreached(host: Host, { shims }: StorePaths, commands: readonly string[]): Finding[] {
  const directories = (host.environment.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  const at = directories.findIndex((directory) => isSame(resolve(host.directory, directory), shims));
  if (at < 0) {
    return [
      {
        severity: 'warning',
        issue: `A shell does not find ${commands.join(', ')}`,
        cause: `${shims} is not on the PATH`,
        remedy:
          host.platform === 'win32'
            ? 'Add it to the variable "Path" of your user, in the settings of Windows.'
            : `Put this into the profile of your shell: export PATH="${shims}:$PATH"`,
      },
    ];
  }
  return commands.flatMap((command): Finding[] => {
    const other = directories
      .slice(0, at)
      .map((directory) => resolve(host.directory, directory, command))
      .find(isProgram);
    if (other === undefined) return [];
    return [
      {
        severity: 'warning',
        issue: `The command ${command} is not that of an engine`,
        cause: `${other} comes before ${shims} on the PATH`,
        remedy: `Put ${shims} before it, or remove it.`,
      },
    ];
  });
}

function isSame(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
