import type { ByteStream } from '../content/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { type RecordedEntry, RecordingTree } from './recording.js';
import { DiskTree } from './tree-disk.js';
import { type AppliedLayer, type UnpackOptions, unpackLayer } from './unpack.js';

/** How to apply a layer. */
export interface ApplyOptions extends UnpackOptions {
  /** Called with each entry that was written. */
  readonly record?: (entry: RecordedEntry) => void;
}

/**
 * Extracts one layer, on its own, into `directory` (image specification, "Layer"): decompressed, compared with its
 * diffID, checked entry by entry. Everything written is read-only (files `mode & 0555 | 0400`, directories
 * `mode & 0555 | 0500`), belongs to the user, and has the time of its writing; owners, setuid, setgid and sticky bits and
 * extended attributes are dropped. Whiteouts are not written but returned, for `composeTree`. `directory` itself keeps its
 * mode.
 *
 * Whatever ends it, nothing outside `directory` was touched, and the source is closed. What is in `directory` after an
 * error is the caller's to remove, and to be trusted only after success.
 * @param stream the layer as stored, verified against `layer.descriptor`: its end is waited for
 * @param directory exists, is empty, and nobody else writes to it
 * @throws EngineshedError `MEDIA_TYPE_UNSUPPORTED`, `LAYER_UNSAFE`, `LAYER_INVALID`, `LAYER_LIMIT`, `DIFFID_MISMATCH`,
 *   `FILE_IN_THE_WAY` (directory not empty), `DISK_FULL`, `FILE_PERMISSION`, `IO_FAILED`, and what the stream throws
 */
export async function applyLayer(
  stream: ByteStream,
  layer: { readonly descriptor: Descriptor; readonly diffId: Digest },
  directory: string,
  options: ApplyOptions = {},
): Promise<AppliedLayer> {
  const { record } = options;
  const storage = () =>
    record === undefined ? new DiskTree(directory) : new RecordingTree(new DiskTree(directory), record);
  return unpackLayer(stream, layer, storage, options);
}
