/** The sizes of chunks, in bytes, largest first: 16 MiB passes the limits of all registries that are known to have one. */
const chunkSizes = [16, 4, 1, 0.25].map((mebibytes) => mebibytes * 1024 * 1024);

/** What uploads to one registry have learned about it; holds as long as the client. */
export class UploadHabits {
  /** Whether a mount without a repository to mount from is worth a try. */
  anonymousMount = true;
  /** The most bytes that one request may carry; a registry has no limit, a proxy before it may. */
  maxBody = Number.POSITIVE_INFINITY;

  /** Notes that a body of `length` bytes was too large. */
  refused(length: number): void {
    this.maxBody = Math.min(this.maxBody, smallerChunk(length) ?? this.maxBody);
  }
}

/** The size of the first chunks, in bytes. */
export const firstChunk = chunkSizes[0] as number;

/** The next smaller size of a chunk; undefined where none is worth a try. */
export function smallerChunk(length: number): number | undefined {
  return chunkSizes.find((size) => size < length);
}
