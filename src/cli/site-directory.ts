import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { EngineshedError, inOperation } from '../errors/index.js';
import {
  isAlive,
  type Owner,
  ownedName,
  parseOwnedName,
  syncDirectory,
  writeNewFile,
} from '../files/index.js';
import type { SiteFile } from '../site/index.js';

/** In a directory that was written by {@link writeSiteDirectory}: the files that are in it. */
const markerFile = '.engineshed-site.json';

/** What was written. */
export interface WrittenSite {
  readonly files: number;
  readonly bytes: number;
  /** Whether anything is other than before. */
  readonly changed: boolean;
}

/**
 * Makes sure that a directory may be replaced: it is not there, empty, or has nothing but what {@link writeSiteDirectory} wrote.
 * @param path absolute
 * @throws EngineshedError `FILE_IN_THE_WAY`, `FILE_PERMISSION`, `IO_FAILED`
 */
export function refuseForeignDirectory(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isSymbolicLink()) {
    refuseForeignDirectory(realpathSync(path));
    return;
  }
  if (!found.isDirectory()) throw inTheWay(path, 'is no directory');
  const [foreign] = foreignFiles(path, path);
  if (foreign !== undefined) throw inTheWay(path, `has ${foreign}, which is not part of a site`);
}

/**
 * Writes the files of a site into a new directory and puts that in the place of `path`, all at once but for the moment between two
 * renames. Where nothing changed, nothing is touched.
 * @param path absolute
 * @throws EngineshedError as {@link refuseForeignDirectory} does, and `DISK_FULL`
 */
export function writeSiteDirectory(path: string, files: Iterable<SiteFile>, owner: Owner): WrittenSite {
  try {
    refuseForeignDirectory(path);
    const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const place = link ? realpathSync(path) : path;
    mkdirSync(dirname(place), { recursive: true });
    sweep(place, owner);
    const staging = besides(place, 'new', owner);
    try {
      const { names, bytes } = writeFiles(staging, files);
      const changed = !isSame(place, staging, names);
      if (changed) exchange(place, staging, owner);
      return { files: names.length, bytes, changed };
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  } catch (error) {
    throw inOperation(`Writing ${path}`, error);
  }
}

/** The marker comes last, and is the only one that has to outlast a power cut: all else can be written anew. */
function writeFiles(staging: string, files: Iterable<SiteFile>): { names: readonly string[]; bytes: number } {
  const names: string[] = [];
  const directories = new Set<string>();
  let bytes = 0;
  mkdirSync(staging);
  for (const { path, text } of files) {
    const directory = dirname(`${staging}/${path}`);
    if (!directories.has(directory)) mkdirSync(directory, { recursive: true });
    directories.add(directory);
    const content = Buffer.from(text);
    writeFileSync(`${staging}/${path}`, content, { flag: 'wx' });
    names.push(path);
    bytes += content.byteLength;
  }
  writeNewFile(
    `${staging}/${markerFile}`,
    `${JSON.stringify({ format: 1, files: names.sort() }, null, 1)}\n`,
  );
  return { names, bytes };
}

function isSame(place: string, staging: string, names: readonly string[]): boolean {
  return [...names, markerFile].every((name) => {
    const old = readIfThere(`${place}/${name}`);
    return old?.equals(readFileSync(`${staging}/${name}`)) === true;
  });
}

function exchange(place: string, staging: string, owner: Owner): void {
  const old = besides(place, 'old', owner);
  const stood = renameIfThere(place, old);
  try {
    // Somebody may have added a file since the first look.
    const [foreign] = stood ? foreignFiles(old, place) : [];
    if (foreign !== undefined) throw inTheWay(place, `has ${foreign}, which is not part of a site`);
    renameSync(staging, place);
  } catch (error) {
    if (stood) renameSync(old, place);
    throw error;
  }
  syncDirectory(dirname(place));
  if (stood) rmSync(old, { recursive: true, force: true });
}

/** The files of a directory that a site does not have: all, where none was written there. */
function foreignFiles(directory: string, place: string): string[] {
  const known = new Set(readMarker(directory, place));
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(directory.length + 1).replaceAll('\\', '/'))
    .filter((name) => !known.has(name))
    .sort();
}

function readMarker(directory: string, place: string): string[] {
  const bytes = readIfThere(`${directory}/${markerFile}`);
  if (bytes === undefined) return [];
  try {
    const { format, files } = JSON.parse(bytes.toString()) as { format?: unknown; files?: unknown };
    if (format !== 1 || !Array.isArray(files)) throw new SyntaxError('another form');
    return [markerFile, ...files.map(String)];
  } catch (cause) {
    throw inTheWay(place, `has a file ${markerFile} that cannot be read`, cause);
  }
}

/** What killed processes left of theirs. */
function sweep(place: string, owner: Owner): void {
  const parent = dirname(place);
  for (const kind of ['new', 'old'] as const) {
    const prefix = prefixOf(place, kind);
    for (const name of readdirSync(parent)) {
      const other = name.startsWith(prefix) ? parseOwnedName(name.slice(prefix.length)) : undefined;
      const left = `${parent}/${name}`;
      if (other?.place !== owner.place || isAlive(other, left, Date.now)) continue;
      // A directory that was moved away is as much ours as one that stands.
      if (kind === 'new' || foreignFiles(left, left).length === 0)
        rmSync(left, { recursive: true, force: true });
    }
  }
}

function besides(place: string, kind: 'new' | 'old', owner: Owner): string {
  return `${dirname(place)}/${prefixOf(place, kind)}${ownedName(owner)}`;
}

function prefixOf(place: string, kind: 'new' | 'old'): string {
  return `.${basename(place)}.engineshed-${kind}-`;
}

function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function inTheWay(path: string, what: string, cause?: unknown): EngineshedError {
  return new EngineshedError('FILE_IN_THE_WAY', `${path} ${what}`, {
    hint: 'Name a directory that is not there yet, or one that "engineshed release site" wrote and nobody added to.',
    cause,
    details: { path },
  });
}
