import { open } from 'node:fs/promises';
import { inOperation } from '../../errors/index.js';
import type { ByteStream } from '../types.js';
import { type ArchiveEntry, archiveInvalid, identityOf, type ScannedArchive } from './scan.js';

/** How much is read at once, in bytes. */
const readBytes = 1024 * 1024;

/** A file's place in an archive. */
export type ArchiveFile = Extract<ArchiveEntry, { readonly kind: 'file' }>;

/**
 * Reads a file of an archive from its place. Nothing is verified.
 * @throws EngineshedError from the iteration: `ARCHIVE_INVALID` where the archive is not the one that was scanned,
 * `PATH_NOT_FOUND`, `FILE_PERMISSION`, `IO_FAILED`
 */
export async function* readEntry(
  archive: ScannedArchive,
  file: ArchiveFile,
  signal?: AbortSignal,
): ByteStream & AsyncGenerator<Uint8Array, void, undefined> {
  const { label, path, identity } = archive;
  const handle = await open(path, 'r').catch((error) => {
    throw inOperation(`Reading ${label}`, error);
  });
  try {
    if (identityOf(handle.fd) !== identity) throw archiveInvalid(label, 'it changed while it was read');
    for (let at = 0; at < file.size; ) {
      signal?.throwIfAborted();
      const chunk = Buffer.allocUnsafe(Math.min(readBytes, file.size - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, file.offset + at);
      if (bytesRead === 0) throw archiveInvalid(label, 'it changed while it was read');
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/**
 * Reads a small file of an archive whole.
 * @param limit the most bytes that are read
 * @throws EngineshedError `ARCHIVE_INVALID` where there is none of that name or it is larger, and as {@link readEntry} does
 */
export async function readSmall(archive: ScannedArchive, name: string, limit: number): Promise<Buffer> {
  const file = archive.entries.get(name);
  if (file?.kind !== 'file') throw archiveInvalid(archive.label, `it has no file "${name}"`);
  if (file.size > limit)
    throw archiveInvalid(archive.label, `"${name}" has ${file.size} bytes; ${limit} are allowed`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readEntry(archive, file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
