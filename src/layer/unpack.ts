import type { ByteStream } from '../content/index.js';
import { EngineshedError, fromSystemError, isEngineshedError } from '../errors/index.js';
import { createDigester, type Descriptor, type Digest, digestAlgorithm } from '../oci/index.js';
import { TarReader } from '../tar/reader.js';
import { decompress, readableCompression } from './decompress.js';
import { checkArchiveBytes, defaultLimits, type LayerLimits } from './limits.js';
import type { ExternalLinks } from './links.js';
import { NameBudget } from './name-budget.js';
import type { TreeStorage } from './tree-storage.js';
import { TreeWriter } from './tree-writer.js';

/** How to unpack a layer. */
export interface UnpackOptions {
  /** What to do with links that lead out of the layer; `reject` unless told. */
  readonly externalLinks?: ExternalLinks;
  /** Limits that differ from {@link defaultLimits}. */
  readonly limits?: Partial<LayerLimits>;
  /** How much memory names may take, where several trees share it; else the layer has a budget of its own. */
  readonly budget?: NameBudget;
}

/** What came out of a layer. Paths are relative, with `/`, as `decodeName` makes them of bytes. */
export interface AppliedLayer {
  /** The entries of the archive, whiteouts included. */
  readonly entries: number;
  /** Bytes of file content. */
  readonly bytes: number;
  /** Paths that the layer removes from lower layers. */
  readonly whiteouts: string[];
  /** Directories whose children the layer removes from lower layers; the root is the empty string. */
  readonly opaques: string[];
  /** What is no error here and may be one elsewhere, a sentence each. */
  readonly warnings: string[];
}

/**
 * Passes one layer through all checks into a storage: decompressed, compared with its diffID, checked entry by entry.
 * Whatever ends it, the source is closed. What the storage has is to be trusted only after success.
 * @param stream the layer as stored, verified against `layer.descriptor`: its end is waited for
 * @param makeStorage makes the storage, which is empty and nobody else's
 * @throws EngineshedError `MEDIA_TYPE_UNSUPPORTED`, `LAYER_UNSAFE`, `LAYER_INVALID`, `LAYER_LIMIT`, `DIFFID_MISMATCH`, and
 *   what the stream and the storage throw
 */
export async function unpackLayer(
  stream: ByteStream,
  layer: { readonly descriptor: Descriptor; readonly diffId: Digest },
  makeStorage: () => TreeStorage,
  options: UnpackOptions,
): Promise<AppliedLayer> {
  const source = stream[Symbol.asyncIterator]();
  try {
    return await extract(source, layer, makeStorage, options);
  } catch (error) {
    // Damage on the way reads like a malformed archive; the digest, known at the end, tells one from the other.
    if (isEngineshedError(error, 'LAYER_INVALID')) await drain(source);
    await source.return?.();
    throw isEngineshedError(error) ? error : fromSystemError(error);
  }
}

async function extract(
  source: AsyncIterator<Uint8Array>,
  { descriptor, diffId }: { readonly descriptor: Descriptor; readonly diffId: Digest },
  makeStorage: () => TreeStorage,
  options: UnpackOptions,
): Promise<AppliedLayer> {
  const compression = readableCompression(descriptor.mediaType);
  const limits = { ...defaultLimits, ...options.limits };
  const digester = createDigester(digestAlgorithm(diffId));
  let archived = 0;
  const writer = new TreeWriter(makeStorage(), {
    externalLinks: options.externalLinks ?? 'reject',
    maxEntries: limits.entries,
    budget: options.budget ?? new NameBudget(),
    admit: (size, entry) => checkArchiveBytes(writer.bytes + size, descriptor.size, limits, entry),
  });
  try {
    const reader = new TarReader(writer);
    for await (const chunk of decompress(source, compression)) {
      archived += chunk.length;
      checkArchiveBytes(archived, descriptor.size, limits);
      digester.update(chunk);
      reader.push(chunk);
      await breathe();
    }
    reader.end();
    checkDiffId(digester.digest(), diffId);
    writer.finish();
  } finally {
    writer.abandon();
  }
  return {
    entries: writer.entries,
    bytes: writer.bytes,
    whiteouts: [...writer.whiteouts],
    opaques: [...writer.opaques],
    warnings: writer.warnings,
  };
}

/** Reads a source to its end; what it throws there is the better error. */
async function drain(source: AsyncIterator<Uint8Array>): Promise<void> {
  for (let next = await source.next(); !next.done; next = await source.next());
}

/** Lets others have their turn: files are written synchronously, a chunk at a time. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function checkDiffId(actual: Digest, expected: Digest): void {
  if (actual === expected) return;
  throw new EngineshedError(
    'DIFFID_MISMATCH',
    `The uncompressed layer has the digest ${actual}, and its image names ${expected}`,
    {
      hint: 'Nothing of this layer was installed. Its image is broken; tell its publisher.',
      details: { expected, actual },
    },
  );
}
