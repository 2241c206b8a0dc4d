import { limitError } from '../tar/faults.js';

/** What a layer may grow to; more is refused (`LAYER_LIMIT`). */
export interface LayerLimits {
  /** The most entries, whiteouts included. */
  readonly entries: number;
  /** The most bytes of the uncompressed archive. */
  readonly bytes: number;
  /** The most bytes that one compressed byte may grow to; the first 64 MiB of a layer are free of this. */
  readonly ratio: number;
}

/** Far above every real engine, far below what hurts: a million entries, 32 GiB, 250 to 1. */
export const defaultLimits: LayerLimits = { entries: 1_000_000, bytes: 32 * 1024 ** 3, ratio: 250 };

/** The size below which a ratio says nothing: 64 MiB. */
const ratioFloor = 64 * 1024 * 1024;

/**
 * Checks how many bytes of the uncompressed archive there are, or are to come.
 * @param compressed the size of the layer as it is stored, in bytes
 * @throws EngineshedError `LAYER_LIMIT`
 */
export function checkArchiveBytes(
  bytes: number,
  compressed: number,
  limits: LayerLimits,
  entry?: string,
): void {
  if (bytes > limits.bytes) throw limitError('bytes', limits.bytes, entry);
  if (bytes > Math.max(ratioFloor, compressed * limits.ratio)) {
    throw limitError('bytes for each compressed byte', limits.ratio, entry);
  }
}
