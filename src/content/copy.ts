import { EngineshedError, inOperation } from '../errors/index.js';
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  type ParsedManifest,
  successors,
} from '../oci/index.js';
import { readManifest } from './image.js';
import { mapLimited } from './limit.js';
import type { ByteStream, ContentStore, Reporter, Target } from './types.js';

/** How many blobs of one image move at the same time. */
const concurrentTransfers = 4;
/** How many manifests one copy may meet. */
const maxManifests = 1000;

/** How to copy. */
export interface CopyOptions {
  /** The tags that the copy gets in the destination, set last; none leaves it reachable by digest only. */
  readonly tags: readonly string[];
  readonly report?: Reporter | undefined;
}

/** What a copy did. */
export interface CopyResult {
  /** The content that was sent, in bytes. */
  readonly sentBytes: number;
  /** The content that the destination had already, in bytes. */
  readonly presentBytes: number;
}

/**
 * Copies an image or index and all that it leads to from one place to another: what is there already is not sent, blobs go
 * before the manifests that name them, and tags come last. Every byte is verified on its way. Push, pull, export, import and
 * mirror are this function.
 * @throws EngineshedError as the two places do
 */
export async function copy(
  from: ContentStore,
  root: Descriptor,
  to: Target,
  options: CopyOptions,
): Promise<CopyResult> {
  const report = options.report ?? (() => {});
  const result = { sentBytes: 0, presentBytes: 0 };
  const seen = new Set<string>();

  const send = async (descriptor: Descriptor, parsed?: ParsedManifest) => {
    const { digest: id, size: total } = descriptor;
    const label = shortDigest(id);
    // One that refers to another is pushed again: that it is there does not mean that it is in the list of referrers.
    if (!hasSubject(parsed) && (await to.exists(descriptor))) {
      result.presentBytes += total;
      report({ type: 'present', id, label, total });
      return;
    }
    await to.push(descriptor, async () =>
      counted(await from.fetch(descriptor), { id, label, total }, report),
    );
    result.sentBytes += total;
    report({ type: 'transferred', id, label, total });
  };

  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (seen.has(descriptor.digest)) return;
    seen.add(descriptor.digest);
    if (seen.size > maxManifests)
      throw new EngineshedError(
        'MANIFEST_INVALID',
        `${root.digest} leads to more than ${maxManifests} manifests`,
      );
    const { parsed } = await readManifest(from, descriptor);
    const next = successors(parsed);
    const manifests = next.filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType));
    const blobs = new Map(
      next.filter((entry) => !manifests.includes(entry)).map((entry) => [entry.digest, entry]),
    );
    await mapLimited([...blobs.values()], concurrentTransfers, (blob) => send(blob));
    for (const manifest of manifests) await visit(manifest);
    await send(descriptor, parsed);
  };

  try {
    await visit(root);
    for (const tag of options.tags) await to.tag(root, tag);
  } catch (error) {
    throw inOperation(`Copying ${shortDigest(root.digest)} to ${to.label}`, error);
  }
  return result;
}

function hasSubject(parsed: ParsedManifest | undefined): boolean {
  return (parsed?.kind === 'index' ? parsed.index : parsed?.manifest)?.subject !== undefined;
}

/** `sha256:` and the first twelve digits, for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}

/** Passes bytes on and reports how many came so far, at most every 256 KiB. */
export async function* counted(
  stream: ByteStream,
  of: { readonly id: string; readonly label: string; readonly total: number },
  report: Reporter,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  let told = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes - told >= 256 * 1024) {
      told = bytes;
      report({ type: 'transfer', ...of, bytes });
    }
    yield chunk;
  }
}
