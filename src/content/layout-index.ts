import { EngineshedError, fromSystemError, inOperation } from '../errors/index.js';
import { acquireLock, type Owner, replaceFile } from '../files/index.js';
import {
  annotationKeys,
  type Descriptor,
  type Index,
  maxManifestBytes,
  mediaTypes,
  parseLayoutIndex,
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
    return parseLayoutIndex(bytes, `file ${label}/index.json`);
  } catch (error) {
    const cause = fromSystemError(error);
    throw new EngineshedError(
      'LAYOUT_INVALID',
      `The index.json of ${label} cannot be used: ${cause.message}`,
      { cause },
    );
  }
}

/**
 * Changes the index, alone among all processes, in one step.
 * @param change makes the new entries of the old ones; what it returns unchanged is not written
 * @throws EngineshedError `LAYOUT_INVALID` where it would have more bytes than a reader takes, `DISK_FULL`, `FILE_PERMISSION`
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
    const text = encodeLayoutIndex({ ...index, manifests: [...manifests] }, file.label);
    replaceFile(`${file.directory}/index.json`, text, file.temporaryFile());
  } finally {
    lock?.release();
  }
}

/**
 * The text of an `index.json`.
 * @param label names the layout in the error
 * @throws EngineshedError `LAYOUT_INVALID` where it has more bytes than a reader takes
 */
export function encodeLayoutIndex(index: Index, label: string): string {
  const text = JSON.stringify(index);
  if (Buffer.byteLength(text) <= maxManifestBytes) return text;
  throw new EngineshedError(
    'LAYOUT_INVALID',
    `${label} would name ${index.manifests.length} images, and its index.json have more than ${maxManifestBytes} bytes`,
    { hint: 'Use another one, or a registry.' },
  );
}

/** The tag of an entry; undefined where it has none. */
export function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[annotationKeys.refName];
}
