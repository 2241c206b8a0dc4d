import { closeSync, openSync, unlinkSync } from 'node:fs';
import type { Reporter } from '../content/index.js';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { type Descriptor, type Digest, mediaTypes } from '../oci/index.js';
import { maxOctalSize } from '../tar/header.js';
import type { ExternalLinks } from './links.js';
import type { WrittenCompression } from './members.js';
import { scanDirectory } from './pack-scan.js';
import { writeLayer } from './pack-write.js';

const writtenTypes = { gzip: mediaTypes.layerTarGzip, zstd: mediaTypes.layerTarZstd } as const;

/** How to pack a directory. */
export interface PackOptions {
  /** The time of every entry, in whole seconds since the epoch; 0 unless told. */
  readonly mtime?: number;
  /** How the layer is compressed; gzip unless told. */
  readonly compression?: WrittenCompression | undefined;
  /** What to do with symbolic links that are absolute or lead out of the directory. */
  readonly externalLinks: ExternalLinks;
  /** Receives progress in bytes of content, under the directory's path as id. */
  readonly report?: Reporter | undefined;
}

/** A layer in a file. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** Files, directories and links in it. */
  readonly entries: number;
  /** The sum of the sizes of its files. */
  readonly contentBytes: number;
  /** What is no error here and may be one elsewhere, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Packs the content of a directory into a `tar+gzip` or `tar+zstd` layer, as `COPY . /` would see it: `.dockerignore` is honoured with
 * Docker's meaning, `.git` is left out. The same content gives the same bytes on any machine, in any checkout, at any
 * time, under any umask and locale: of modes only the execute bit counts, as in git; hard links become separate files;
 * names that are not UTF-8 are kept byte for byte.
 * @param file where the layer is written; must not exist, has mode 0644 less the umask, and is gone again after an error
 * @throws EngineshedError `PATH_NOT_FOUND` (no directory), `FILE_PERMISSION` (unreadable content), `FILE_IN_THE_WAY` (`file`
 *   exists), `DISK_FULL`, `IO_FAILED`, `CONTENT_UNPUBLISHABLE` with the paths: sockets, FIFOs, devices, links that lead
 *   out, names that no reader would take for what they are, files that change while they are read
 */
export async function packDirectory(
  directory: string,
  file: string,
  options: PackOptions,
): Promise<PackedLayer> {
  const { mtime = 0, compression = 'gzip' } = options;
  if (!Number.isInteger(mtime) || mtime < 0 || mtime > maxOctalSize) {
    throw new EngineshedError('USAGE', `${mtime} is not a time in whole seconds since 1970`);
  }
  const plan = scanDirectory(directory, options.externalLinks);
  const progress = { id: directory, label: directory, total: plan.contentBytes };
  const fd = create(file);
  try {
    const { digest, size, diffId } = await writeLayer(directory, plan, {
      fd,
      compression,
      mtime,
      onProgress: (bytes) => options.report?.({ type: 'transfer', ...progress, bytes }),
    });
    closeSync(fd);
    options.report?.({ type: 'transferred', ...progress });
    return {
      descriptor: { mediaType: writtenTypes[compression], digest, size },
      diffId,
      entries: plan.entries.length,
      contentBytes: plan.contentBytes,
      warnings: plan.warnings,
    };
  } catch (error) {
    closeSync(fd);
    unlinkSync(file);
    throw fromSystemError(error);
  }
}

function create(file: string): number {
  try {
    return openSync(file, 'wx', 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fromSystemError(error);
    throw new EngineshedError('FILE_IN_THE_WAY', `${file} exists already`, {
      hint: 'Choose another file.',
      details: { path: file },
    });
  }
}
