import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { EngineshedError, fromNamedPath, inOperation, isEngineshedError } from '../../errors/index.js';
import { blockSize } from '../../tar/header.js';
import { checkPath } from '../../tar/paths.js';
import { type TarEntry, TarReader } from '../../tar/reader.js';

/** The most entries that an archive of images may have. */
const maxEntries = 100_000;
/** The most characters that all its names may have together. */
const maxNameCharacters = 16 * 1024 * 1024;
/** The most zeros behind the end marker: the largest record of GNU tar, and then some. */
const maxTrailer = 16 * 1024 * 1024;

/** A file in an archive: its place and size, in bytes; or a symbolic link. */
export type ArchiveEntry =
  | { readonly kind: 'file'; readonly offset: number; readonly size: number }
  | { readonly kind: 'symlink'; readonly target: string };

/** An archive file as it was when it was scanned. */
export interface ScannedArchive {
  /** The file, absolute. */
  readonly path: string;
  /** What it is called in messages. */
  readonly label: string;
  /** Its files and links by name, without `./`. */
  readonly entries: ReadonlyMap<string, ArchiveEntry>;
  /** Which file it was: another one at the same path, or a changed one, is not read. */
  readonly identity: string;
}

/**
 * Reads the headers of a tar archive and no content, so that each file in it can be read from its place later.
 * @param path absolute
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, and `ARCHIVE_INVALID`: compressed, truncated or malformed
 * archives, names that lead out of it, names that it has twice, hard links, devices, sparse files, far too many entries
 */
export function scanArchive(path: string, label: string): ScannedArchive {
  let fd: number;
  try {
    // Opening a pipe that nobody writes to would wait for ever.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw fromNamedPath({ what: 'file', path }, error);
  }
  try {
    const file = fstatSync(fd);
    if (!file.isFile()) throw archiveInvalid(label, 'it is no regular file');
    const entries = readHeaders(fd, file.size, label);
    return { path, label, entries, identity: identityOf(fd) };
  } catch (error) {
    if (isEngineshedError(error, 'ARCHIVE_INVALID')) throw error;
    if (isEngineshedError(error, 'LAYER_INVALID', 'LAYER_UNSAFE'))
      throw archiveInvalid(label, error.message, error);
    throw inOperation(`Reading ${label}`, error);
  } finally {
    closeSync(fd);
  }
}

/** What tells one state of a file from another: device, number, size and times. */
export function identityOf(fd: number): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join('-');
}

/** The error `ARCHIVE_INVALID`. */
export function archiveInvalid(label: string, reason: string, cause?: unknown): EngineshedError {
  return new EngineshedError('ARCHIVE_INVALID', `${label} cannot be read: ${reason}`, {
    hint: 'Nothing of it was used. Copy or make the file again.',
    cause,
  });
}

function readHeaders(fd: number, fileSize: number, label: string): Map<string, ArchiveEntry> {
  const entries = new Map<string, ArchiveEntry>();
  const directories = new Set<string>();
  let position = 0;
  let characters = 0;
  const add = (entry: TarEntry) => {
    const name = checkPath(entry.name);
    if (typeof name !== 'string') throw archiveInvalid(label, `"${entry.name}" is refused: ${name.reason}`);
    characters += name.length + entry.linkName.length;
    if (entries.size + directories.size >= maxEntries || characters > maxNameCharacters)
      throw archiveInvalid(label, `it has more than ${maxEntries} entries, or names beyond measure`);
    if (entries.has(name) || (directories.has(name) && entry.kind !== 'directory'))
      throw archiveInvalid(label, `it has "${name}" twice`);
    if (entry.kind === 'directory') directories.add(name);
    else if (entry.kind === 'symlink') entries.set(name, { kind: 'symlink', target: entry.linkName });
    else if (entry.kind === 'hardlink')
      throw archiveInvalid(label, `"${name}" is a hard link, which files of images do not have`);
    else {
      if (position + entry.size > fileSize) throw archiveInvalid(label, `it ends within "${name}"`);
      entries.set(name, { kind: 'file', offset: position, size: entry.size });
    }
  };
  const reader = new TarReader({ entry: add, data: () => {}, endFile: () => {} });
  const block = Buffer.alloc(blockSize);
  while (!reader.ended) {
    const length = readSync(fd, block, 0, blockSize, position);
    if (position === 0) refuseCompressed(block.subarray(0, length), label);
    if (length < blockSize) throw archiveInvalid(label, 'it ends before its end marker');
    position += blockSize;
    reader.push(block);
    position += reader.skip();
  }
  const trailer = Buffer.alloc(64 * 1024);
  if (fileSize - position > maxTrailer) throw archiveInvalid(label, 'it goes on behind its end marker');
  for (let length = -1; length !== 0; position += length) {
    length = readSync(fd, trailer, 0, trailer.length, position);
    reader.push(trailer.subarray(0, length));
  }
  reader.end();
  return entries;
}

const magics: readonly [program: string, magic: Buffer][] = [
  ['gunzip', Buffer.from([0x1f, 0x8b])],
  ['unzstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['bunzip2', Buffer.from('BZh')],
  ['unxz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a])],
];

/** Content is read from its place in the file, which a compressed one has not. */
function refuseCompressed(head: Buffer, label: string): void {
  const found = magics.find(([, magic]) => head.subarray(0, magic.length).equals(magic));
  if (found === undefined) return;
  throw new EngineshedError('ARCHIVE_INVALID', `${label} is compressed, and is read as a plain tar archive`, {
    hint: `Unpack it first, for instance: ${found[0]} < FILE > FILE.tar`,
  });
}
