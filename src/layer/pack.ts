import { closeSync, openSync, unlinkSync } from 'node:fs';
import type { Reporter } from '../content/index.js';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { type Descriptor, type Digest, mediaTypes } from '../oci/index.js';
import { isFault } from '../tar/faults.js';
import { maxOctalSize } from '../tar/header.js';
import { showName } from '../tar/names.js';
import { checkPath } from '../tar/paths.js';
import type { ExternalLinks } from './links.js';
import type { WrittenCompression } from './members.js';
import { type PackPlan, scanDirectory } from './pack-scan.js';
import { type LayerContent, pathUnder, writeLayer } from './pack-write.js';

const writtenTypes = { gzip: mediaTypes.layerTarGzip, zstd: mediaTypes.layerTarZstd } as const;

/** How a layer is written. */
export interface WriteOptions {
  /** The time of every entry, in whole seconds since the epoch; 0 unless told. */
  readonly mtime?: number;
  /** How the layer is compressed; gzip unless told. */
  readonly compression?: WrittenCompression | undefined;
  /** Receives progress in bytes of content, under the directory's path as id. */
  readonly report?: Reporter | undefined;
}

/** How to pack a directory. */
export interface PackOptions extends WriteOptions {
  /** What to do with symbolic links that are absolute or lead out of the directory. */
  readonly externalLinks: ExternalLinks;
}

/** A component's content, as it goes into a layer of several. */
export interface PackedContent {
  readonly directory: string;
  /** The name of the directory in the layer that has the content. */
  readonly under: string;
  /** What to do with symbolic links that are absolute or lead out of the directory. */
  readonly externalLinks: ExternalLinks;
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
  const plan = scanDirectory(directory, options.externalLinks, 'checkout');
  return pack([{ root: directory, plan, under: undefined }], file, options);
}

/**
 * Packs the content of components into one layer, each under a directory of its own: all of it, whatever a `.dockerignore` in it
 * says. The same content gives the same bytes, as for {@link packDirectory}.
 * @param file as for {@link packDirectory}
 * @throws EngineshedError as {@link packDirectory}, `NAME_INVALID` for a directory that no layer can have
 */
export async function packComponents(
  components: readonly PackedContent[],
  file: string,
  options: WriteOptions,
): Promise<PackedLayer> {
  const contents = components.map(({ directory, under, externalLinks }) => ({
    root: directory,
    plan: below(under, scanDirectory(directory, externalLinks, 'component')),
    under,
  }));
  return pack(contents, file, options);
}

async function pack(
  contents: readonly LayerContent[],
  file: string,
  options: WriteOptions,
): Promise<PackedLayer> {
  const { mtime = 0, compression = 'gzip' } = options;
  if (!Number.isInteger(mtime) || mtime < 0 || mtime > maxOctalSize) {
    throw new EngineshedError('USAGE', `${mtime} is not a time in whole seconds since 1970`);
  }
  const plans = contents.map(({ plan }) => plan);
  const contentBytes = plans.reduce((sum, plan) => sum + plan.contentBytes, 0);
  const label = contents.map(({ root, under }) => under ?? root).join(', ');
  const progress = { id: label, label, total: contentBytes };
  const fd = create(file);
  try {
    const { digest, size, diffId } = await writeLayer(contents, {
      fd,
      compression,
      mtime,
      onProgress: (bytes) => options.report?.({ type: 'transfer', ...progress, bytes }),
    });
    closeSync(fd);
    options.report?.({ type: 'transferred', action: 'packed', ...progress });
    return {
      descriptor: { mediaType: writtenTypes[compression], digest, size },
      diffId,
      entries: plans.reduce((sum, plan) => sum + plan.entries.length, 0),
      contentBytes,
      warnings: plans.flatMap(({ warnings }) => warnings),
    };
  } catch (error) {
    closeSync(fd);
    unlinkSync(file);
    throw fromSystemError(error);
  }
}

/**
 * The plan with a directory for everything before all else.
 * @throws EngineshedError `NAME_INVALID`; `CONTENT_UNPUBLISHABLE` for a path that is too long or too deep there
 */
function below(under: string, plan: PackPlan): PackPlan {
  if (under.includes('/') || under === '' || checkPath(under) !== under)
    throw new EngineshedError('NAME_INVALID', `"${showName(under)}" cannot be a directory of a layer`);
  for (const { path } of plan.entries) {
    const fault = checkPath(pathUnder(under, path));
    if (isFault(fault)) {
      const shown = showName(pathUnder(under, path));
      throw new EngineshedError('CONTENT_UNPUBLISHABLE', `"${shown}" cannot be in a layer: ${fault.reason}`);
    }
  }
  return { ...plan, entries: [{ kind: 'directory', path: '' }, ...plan.entries] };
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
