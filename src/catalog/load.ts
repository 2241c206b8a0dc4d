import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromSystemError, isEngineshedError } from '../errors/index.js';
import { catalogFault } from './fault.js';
import { type MergeOptions, mergeCatalogs } from './merge.js';
import { maxCatalogBytes, parseCatalog, tooLarge } from './parse.js';
import type { Catalog, Catalogs } from './types.js';

/** A catalog file to load. */
export interface CatalogFileLocation {
  /** The absolute path. */
  readonly path: string;
  /** What to do where there is no such file. */
  readonly ifMissing: 'skip' | 'fail';
  /**
   * Whose file it is. A project's file comes with whatever is checked out: it may not weaken how registries are spoken to, nor reach those
   * that are blocked.
   */
  readonly owner: 'user' | 'project';
}

/**
 * Loads the built-in catalog and the files after it, and merges them in this order (see {@link mergeCatalogs}).
 * @throws EngineshedError as {@link readCatalog} and {@link mergeCatalogs} do
 */
export async function loadCatalogs(
  files: readonly CatalogFileLocation[],
  options: MergeOptions = {},
): Promise<Catalogs> {
  const catalogs = await Promise.all([builtinCatalog(), ...files.map(readOptional)]);
  return mergeCatalogs(
    catalogs.filter((catalog) => catalog !== undefined),
    options,
  );
}

/** The catalog that comes with the package. */
export async function builtinCatalog(): Promise<Catalog> {
  const path = fileURLToPath(new URL('../../catalog/hamlet.toml', import.meta.url));
  return parseCatalog(await readText(path), { name: 'hamlet', baseDirectory: dirname(path) });
}

/**
 * Reads a catalog file; relative paths in it start from its directory.
 * @param path absolute
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `IO_FAILED`, `CONFIG_INVALID`
 */
export async function readCatalog(path: string): Promise<Catalog> {
  return parseCatalog(await readText(path), { name: path, baseDirectory: dirname(resolve(path)) });
}

async function readOptional({ path, ifMissing, owner }: CatalogFileLocation): Promise<Catalog | undefined> {
  try {
    const catalog = await readCatalog(path);
    if (owner === 'project') {
      refuseUsersOwn(catalog);
      return { ...catalog, registries: catalog.registries.map((rule) => ({ ...rule, ofProject: true })) };
    }
    refusePin(catalog);
    return catalog;
  } catch (error) {
    if (ifMissing === 'skip' && isEngineshedError(error, 'PATH_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** A pin in a user's file would look as if it were for all that this user does, which `default` is for. */
function refusePin({ origin, text, pin }: Catalog): void {
  if (pin === undefined) return;
  throw catalogFault({ name: origin.name, text }, ['engine'], 'is for the engineshed.toml of a project', {
    hint: `Write default = "${pin.engine}", or move it to the directory of the project.`,
  });
}

function refuseUsersOwn({ origin, text, registries, installMissing }: Catalog): void {
  if (installMissing !== undefined) {
    throw catalogFault({ name: origin.name, text }, ['install-missing'], 'is for the user to decide', {
      hint: 'Set it in your own configuration file.',
    });
  }
  const refuse = (path: readonly string[]) => {
    const problem = 'a project cannot decide that a registry is spoken to over plain http';
    throw catalogFault({ name: origin.name, text }, ['registry', ...path, 'insecure'], problem, {
      hint: 'Set it in your own configuration file, or give --plain-http.',
    });
  };
  for (const [at, { insecure, mirrors }] of registries.entries()) {
    if (insecure) refuse([String(at)]);
    const mirror = mirrors.findIndex((entry) => entry.insecure);
    if (mirror >= 0) refuse([String(at), 'mirror', String(mirror)]);
  }
}

/**
 * The text of a file of at most {@link maxCatalogBytes}.
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `IO_FAILED`, `CONFIG_INVALID`
 */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const file = await open(path, 'r');
    bytes = await readAtMost(file, maxCatalogBytes + 1).finally(() => file.close());
  } catch (error) {
    throw fromSystemError(error);
  }
  if (bytes.byteLength > maxCatalogBytes) throw tooLarge(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw catalogFault({ name: path, text: '' }, [], 'it is not valid UTF-8', { cause });
  }
}

/** Neither a huge file nor one without an end is read to its end. */
async function readAtMost(file: FileHandle, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let left = limit; left > 0; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(left, 65_536)), 0);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return Buffer.concat(chunks);
}
