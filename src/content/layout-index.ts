import { EngineshedError, fromSystemError, inOperation } from '../errors/index.js';
import { acquireLock, type Owner, replaceFile } from '../files/index.js';
import {
  annotationKeys,
  type Descriptor,
  type Digest,
  type Index,
  maxDescriptors,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
} from '../oci/index.js';
import { readLayoutFile } from './layout-file.js';

/** The name of a layout's lock, inside its directory. */
export const lockDirectory = '.engineshed-lock';

/** The `index.json` of one image layout, which names its images. */
export interface LayoutIndexFile {
  readonly directory: string;
  /** What the layout is called in messages. */
  readonly label: string;
  readonly owner: Owner;
  /** A path for a new file inside the layout. */
  readonly temporaryFile: () => string;
}

/**
 * Reads the index; empty where there is none.
 * @throws EngineshedError `LAYOUT_INVALID`, `FILE_PERMISSION`
 */
export function readIndex({ directory, label }: Pick<LayoutIndexFile, 'directory' | 'label'>): Index {
  let bytes: Buffer;
  try {
    bytes = readLayoutFile(`${directory}/index.json`, maxManifestBytes, `The index.json of ${label}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw inOperation(`Reading ${label}`, error);
    return { schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests: [] };
  }
  try {
    // The file has no descriptor of its own: it is where the layout's trust begins.
    const descriptor = {
      mediaType: mediaTypes.imageIndex,
      digest: `file ${label}/index.json` as Digest,
      size: bytes.length,
    };
    const parsed = parseManifest(bytes, descriptor);
    if (parsed.kind === 'index') return parsed.index;
  } catch (error) {
    const cause = fromSystemError(error);
    throw new EngineshedError(
      'LAYOUT_INVALID',
      `The index.json of ${label} cannot be used: ${cause.message}`,
      { cause },
    );
  }
  throw new EngineshedError('LAYOUT_INVALID', `The index.json of ${label} is no index`);
}

/**
 * Changes the index, alone among all processes, in one step.
 * @param change makes the new entries of the old ones; what it returns unchanged is not written
 * @throws EngineshedError `LAYOUT_INVALID` where there would be more entries than any reader takes, `DISK_FULL`,
 * `FILE_PERMISSION`
 */
export async function changeIndex(
  file: LayoutIndexFile,
  change: (entries: readonly Descriptor[]) => readonly Descriptor[],
): Promise<void> {
  const lock = await acquireLock(`${file.directory}/${lockDirectory}`, 'exclusive', file.owner);
  try {
    const index = readIndex(file);
    const manifests = change(index.manifests);
    if (manifests === index.manifests) return;
    if (manifests.length > maxDescriptors) {
      throw new EngineshedError(
        'LAYOUT_INVALID',
        `${file.label} would have more than the ${maxDescriptors} images that its index.json may name`,
        { hint: 'Use another image layout.' },
      );
    }
    replaceFile(
      `${file.directory}/index.json`,
      JSON.stringify({ ...index, manifests }),
      file.temporaryFile(),
    );
  } finally {
    lock?.release();
  }
}

/** The tag of an entry; undefined where it has none. */
export function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[annotationKeys.refName];
}
