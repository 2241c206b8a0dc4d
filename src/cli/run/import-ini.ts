import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { builtinCatalog, mergeCatalogs, parseCatalog } from '../../catalog/index.js';
import { EngineshedError, fromNamedPath, inOperation } from '../../errors/index.js';
import { makeDurableDirectories, ownerOf, replaceFileBeside } from '../../files/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, printLines } from '../output.js';
import { userConfiguration } from '../places.js';
import { type ImportedEngines, readEngines } from '../predecessor/engines.js';
import { type IniText, readIni } from '../predecessor/ini.js';
import { formatEngines } from '../predecessor/toml.js';

/** Takes over the engines of the predecessor's configuration. */
export async function importIni(
  this: Host,
  flags: { readonly write?: boolean; readonly json?: boolean },
  file?: string,
): Promise<void> {
  const texts = filesToRead(this, file).map(readText);
  const read = readEngines(readIni(texts), (path) => resolve(this.directory, path));
  if (read.engines.length === 0)
    throw new EngineshedError(
      'CONFIG_INVALID',
      `${texts.map(({ name }) => name).join(' and ')} defines no engine`,
      {
        hint: 'An engine is a section [engine:NAME].',
      },
    );
  // A name or a reference that no catalog may have is told before anything is printed or written.
  await loadable(formatEngines(read), texts[0]?.name ?? '');
  const path = userConfiguration(this);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const fresh = flags.write ? withoutKnown(read, before, path) : read;
  const toml = formatEngines(fresh);
  const names = fresh.engines.map(({ name }) => name);
  const kept = read.engines.map(({ name }) => name).filter((name) => !names.includes(name));
  const written = flags.write === true && names.length > 0;
  if (written) await append(this, path, before, toml);
  if (flags.json) {
    printJson(this, { engines: names, kept, toml, ...(flags.write ? { file: path, written } : {}) });
    return;
  }
  if (!flags.write) {
    printLines(this, toml.trimEnd().split('\n'));
    return;
  }
  for (const name of kept) printLine(this, `${name} is in ${path} already, and stays as it is there`);
  for (const name of names)
    printLine(this, `${name} is in ${path} now; install it with: engineshed install ${name}`);
}

/** The one file that is named, or those that hamlet reads, in its order. */
function filesToRead({ directory, environment, home }: Host, file: string | undefined): string[] {
  if (file !== undefined) return [resolve(directory, file)];
  const place = resolve(directory, environment.HAMLET_ENGINE_CONFIG || join(home, '.hamlet', 'config'));
  const found = ['engine', 'engine.ini'].map((name) => join(place, name)).filter((path) => existsSync(path));
  if (found.length > 0) return found;
  throw new EngineshedError('PATH_NOT_FOUND', `There is no engine.ini in ${place}`, {
    hint: 'Name the file: engineshed import-ini FILE',
    details: { path: place },
  });
}

function readText(name: string): IniText {
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    throw fromNamedPath({ what: 'file', path: name }, error);
  }
}

/** Only the engines and registries that the user's file lacks. */
function withoutKnown({ engines, insecure }: ImportedEngines, text: string, path: string): ImportedEngines {
  const catalog = parseCatalog(text, { name: path, baseDirectory: dirname(path) });
  const isKnown = (host: string) => catalog.registries.some(({ prefix }) => prefix === host);
  const fresh = engines.filter(({ name }) => !catalog.engines.has(name));
  const asked = fresh.flatMap(({ sources }) => Object.values(sources));
  const isNeeded = (host: string) =>
    asked.some((source) => 'image' in source && source.image.startsWith(`${host}/`));
  return { engines: fresh, insecure: insecure.filter((host) => isNeeded(host) && !isKnown(host)) };
}

/** Puts tables behind what a file has, in one step; where the file is a link, it stays one. */
async function append(host: Host, path: string, before: string, toml: string): Promise<void> {
  const gap = before === '' ? '' : before.endsWith('\n') ? '\n' : '\n\n';
  const text = `${before}${gap}${toml}`;
  await loadable(text, path);
  try {
    makeDurableDirectories(dirname(path));
    const isThere = existsSync(path);
    const file = isThere ? realpathSync(path) : path;
    replaceFileBeside(file, text, ownerOf(host.pid), isThere ? statSync(file).mode & 0o777 : 0o644);
  } catch (error) {
    throw inOperation(`Writing ${path}`, error);
  }
}

/** Throws where a text is no catalog that could stand above the built-in one. */
async function loadable(text: string, name: string): Promise<void> {
  mergeCatalogs([await builtinCatalog(), parseCatalog(text, { name, baseDirectory: dirname(name) })]);
}
