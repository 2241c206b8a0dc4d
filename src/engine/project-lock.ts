import { dirname, relative, resolve } from 'node:path';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { formatReference, parseJson, parseReference } from '../oci/index.js';
import { lockId } from './lock.js';
import { checkLock } from './lock-schema.js';
import type { EngineLock, LockedImage, LockedSource } from './types.js';

/** The version of the file. A reader refuses every other. */
const version = 1;
/** The most bytes that a lock may have: 16 MiB. */
export const maxLockBytes = 16 * 1024 * 1024;

/** What decides an engine, beside its sources: what a lock of it has. All else is its catalog's to say. */
export const contentKeys = ['parts', 'environment', 'commands'] as const;
/** The first keys of the file, on lines of their own: readers without JSON rely on them. */
const headKeys = ['version', 'engine', 'id'] as const;

/** A lock's file as it is parsed. */
type Json = Readonly<Record<string, unknown>>;

/**
 * Writes the lock of a project: JSON, each value on a line of its own, its first four lines `{`, `"version"`, `"engine"` and
 * `"id"`. The same engine gives the same bytes on every machine: an image layout is written relative to the lock, unless the two
 * have nothing but the root in common; keys have a fixed order; what only the catalog says is left out.
 * @param lock of `lockEngine`: with the images of all platforms
 * @param path of the file, absolute
 * @throws EngineshedError `LOCK_INVALID` for a lock that could not be read again, as of an engine whose environment sets what
 *   other programs obey
 */
export function formatProjectLock(lock: EngineLock, path: string): string {
  const sources = Object.entries(lock.sources).sort(([a], [b]) => (a < b ? -1 : 1));
  const content = contentKeys.map((key) => [key, (lock as unknown as Json)[key]]);
  const file = {
    version,
    engine: lock.name,
    id: lockId(lock),
    sources: Object.fromEntries(
      sources.map(([name, source]) => [name, writtenSource(source, dirname(path))]),
    ),
    ...Object.fromEntries(content.filter(([, value]) => value !== undefined)),
  };
  const text = `${JSON.stringify(file, null, 2)}\n`;
  parseProjectLock(Buffer.from(text), path);
  return text;
}

/**
 * Reads the lock of a project, which may come from anywhere: every key is known, every value is what it must be, and the id is
 * that of the content.
 * @param path of the file, absolute; paths in it start from its directory
 * @returns the lock; what the catalog says of the engine is not in it
 * @throws EngineshedError `LOCK_INVALID`
 */
export function parseProjectLock(bytes: Uint8Array, path: string): EngineLock {
  if (bytes.byteLength > maxLockBytes) throw invalid(path, `has more than ${maxLockBytes} bytes`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  if (/^(?:<{7}|={7}|>{7}|\|{7})(?:[ \r\n]|$)/m.test(text)) {
    throw invalid(
      path,
      'has the marks of a merge that is not finished',
      'Take one side as it is, for instance with: git checkout --theirs engineshed.lock. Then run: engineshed lock',
    );
  }
  try {
    const file = asTable(parseJson(bytes, 'file'), path);
    checkHead(file, text, path);
    return readContent(file, path);
  } catch (error) {
    if (!isEngineshedError(error, 'JSON_INVALID', 'MANIFEST_INVALID', 'REFERENCE_INVALID', 'DIGEST_INVALID'))
      throw error;
    throw invalid(path, `cannot be read: ${error.message}`, undefined, error);
  }
}

function checkHead(file: Json, text: string, path: string): void {
  if (typeof file.version === 'number' && file.version > version)
    throw invalid(
      path,
      `has version ${file.version}, and this Engineshed reads ${version}`,
      'Update Engineshed.',
    );
  const lines = text.split('\n', headKeys.length + 1).map((line) => line.replace(/\r$/, ''));
  const expected = ['{', ...headKeys.map((key) => `  ${JSON.stringify(key)}: ${JSON.stringify(file[key])},`)];
  if (file.version !== version || expected.some((line, at) => line !== lines[at]))
    throw invalid(path, 'does not begin with the version, the engine and the id, each on its line');
}

function readContent(file: Json, path: string): EngineLock {
  const known: readonly string[] = [...headKeys, 'sources', ...contentKeys];
  const unknown = Object.keys(file).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw invalid(path, `has the key ${JSON.stringify(unknown)}, which is not known`);
  const sources = Object.entries(asTable(file.sources, path)).map(([name, source]) => [
    name,
    readSource(asTable(source, path), path),
  ]);
  const { engine: name, version: _, id, ...content } = file;
  const about = { name, description: '', kind: 'custom', catalog: path };
  const lock = checkLock({ ...about, ...content, sources: Object.fromEntries(sources) }, 'file');
  if (lockId(lock) === id) return lock;
  throw invalid(path, 'has an id that is not that of its content: it was changed or merged by hand');
}

function writtenSource(source: LockedSource, directory: string): object {
  if (source.kind === 'directory') return source;
  const { kind, reference, resolved, images = [source] } = source;
  return {
    kind,
    reference: kind === 'layout' ? fromDirectory(reference, directory) : reference,
    resolved,
    images: images.map(writtenImage),
  };
}

function writtenImage({ platform, manifest, config, layers, annotations }: LockedImage): object {
  return { ...(platform === undefined ? {} : { platform }), manifest, config, layers, annotations };
}

/** The reference of an image layout as it is written in a directory. */
function fromDirectory(text: string, directory: string): string {
  const reference = parseReference(text);
  if (reference.transport === 'registry') return text;
  const path = relative(directory, reference.path).replaceAll('\\', '/') || '.';
  // Nothing in common: wherever the project lies, the layout lies elsewhere.
  const toRoot = relative(directory, resolve('/')).replaceAll('\\', '/');
  return `${path}/`.startsWith(`${toRoot}/`) ? text : formatReference({ ...reference, path });
}

function readSource(source: Json, path: string): Json {
  const { kind, reference, images, ...others } = source;
  if (kind === 'directory' || !Array.isArray(images)) return source;
  if (Object.keys(others).some((key) => key !== 'resolved'))
    throw invalid(
      path,
      `has a source with the key ${JSON.stringify(Object.keys(others))}, which is not known`,
    );
  const parsed = typeof reference === 'string' && kind === 'layout' ? parseReference(reference) : undefined;
  const absolute =
    parsed === undefined || parsed.transport === 'registry'
      ? reference
      : formatReference({ ...parsed, path: resolve(dirname(path), parsed.path) });
  return { ...(images[0] as LockedImage | undefined), ...source, reference: absolute };
}

function asTable(value: unknown, path: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(path, 'is not made of tables where it must be');
}

function invalid(path: string, fault: string, hint?: string, cause?: unknown): EngineshedError {
  return new EngineshedError('LOCK_INVALID', `The lock ${path} ${fault}`, {
    hint:
      hint ?? 'Take it from the version control again, or make it anew: remove it, and run: engineshed lock',
    details: { path },
    cause,
  });
}
