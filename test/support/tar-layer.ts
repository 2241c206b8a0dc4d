import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ByteStream, verified } from '../../src/content/index.js';
import { type AppliedLayer, type ApplyOptions, applyLayer } from '../../src/layer/index.js';
import { type Descriptor, type Digest, describe, digestOf, mediaTypes } from '../../src/oci/index.js';
import { temporaryDirectory } from './temporary.js';

export interface StoredLayer {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** A layer of an archive, compressed by gzip unless told. */
export function layerOf(
  archive: Buffer,
  compress: (bytes: Buffer) => Buffer = (bytes) => gzipSync(bytes),
): StoredLayer {
  const bytes = compress(archive);
  return { bytes, descriptor: describe(mediaTypes.layerTarGzip, bytes), diffId: digestOf(archive) };
}

/** Streams bytes in pieces. */
export async function* inPieces(bytes: Buffer, size = 64 * 1024): ByteStream & AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Applies a stored layer to a fresh directory and returns that. */
export async function applyStored(
  layer: StoredLayer,
  options: ApplyOptions & { readonly pieces?: number } = {},
): Promise<{ root: string; applied: AppliedLayer }> {
  const root = join(temporaryDirectory(), 'root');
  mkdirSync(root);
  const stream = verified(inPieces(layer.bytes, options.pieces), layer.descriptor);
  const applied = await applyLayer(stream, layer, root, options);
  return { root, applied };
}

/** Applies an archive to a fresh directory. */
export async function applyArchive(
  archive: Buffer,
  options: ApplyOptions & { readonly pieces?: number } = {},
): Promise<{ root: string; applied: AppliedLayer }> {
  return applyStored(layerOf(archive), options);
}

/**
 * Applies an archive that must be refused, beside a file and a directory that must stay as they are; returns the error.
 * The archive finds them at `../secret` and `../neighbour/file`, and absolutely at `outside`.
 */
export async function refusal(
  archive: Buffer | ((outside: string) => Buffer),
  options: ApplyOptions = {},
): Promise<{ code: string; message: string; path: string | undefined }> {
  const home = temporaryDirectory();
  mkdirSync(join(home, 'root'));
  mkdirSync(join(home, 'neighbour'));
  writeFileSync(join(home, 'secret'), 'secret');
  writeFileSync(join(home, 'neighbour', 'file'), 'neighbour');
  const outside = () => treeOf(home, (path) => path !== 'root' && !path.startsWith('root/'));
  const before = outside();
  const bytes = typeof archive === 'function' ? archive(home) : archive;
  const layer = layerOf(bytes);
  let failure: unknown;
  try {
    await applyLayer(verified(inPieces(layer.bytes), layer.descriptor), layer, join(home, 'root'), options);
  } catch (error) {
    failure = error;
  }
  const after = outside();
  if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error('Something outside was touched');
  if (failure === undefined) throw new Error('The archive was taken');
  const { code, message, details } = failure as {
    code: string;
    message: string;
    details?: { path?: string };
  };
  return { code, message, path: details?.path };
}

/** What stands below a directory: path (bytes as latin1) to kind, mode and content or target. */
export function treeOf(root: string, wanted: (path: string) => boolean = () => true): Record<string, string> {
  const found: [string, string][] = [];
  const walk = (path: Buffer, name: string) => {
    for (const entry of readdirSync(path, { encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), entry]);
      const childName = `${name}${entry.toString('latin1')}`;
      const stat = lstatSync(child);
      const mode = (stat.mode & 0o7777).toString(8);
      const kind = stat.isDirectory()
        ? `directory ${mode}`
        : stat.isSymbolicLink()
          ? `symlink ${readlinkSync(child, { encoding: 'buffer' }).toString('latin1')}`
          : stat.isFile()
            ? `file ${mode} ${digestOf(readFileSync(child)).slice(7, 23)} ${stat.size}`
            : 'special';
      if (wanted(childName)) found.push([childName, kind]);
      if (stat.isDirectory()) walk(child, `${childName}/`);
    }
  };
  walk(Buffer.from(root), '');
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}
