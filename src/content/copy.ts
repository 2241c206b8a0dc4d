import { inOperation } from '../errors/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { type Closure, type CopySource, findClosure } from './closure.js';
import { mapLimited } from './limit.js';
import { streamOf } from './stream.js';
import type { ByteStream, Reporter, Target } from './types.js';

/** How many blobs move at the same time. */
const concurrentTransfers = 4;
/** How many questions for content are under way at the same time. */
const concurrentQuestions = 8;

/** An image or index to be copied, and where it is. */
export interface Copied {
  readonly from: CopySource & Pick<Target, 'repository'>;
  readonly root: Descriptor;
  /** The tags that the copy gets in the destination, set last; none leaves it reachable by digest only. */
  readonly tags: readonly string[];
}

/** How to copy several images. */
export interface CopyAllOptions {
  /** Whether what refers to the images, signatures and the like, comes along; `leave` unless told. */
  readonly referrers?: 'leave' | 'bring' | undefined;
  readonly report?: Reporter | undefined;
}

/** How to copy. */
export interface CopyOptions extends CopyAllOptions, Pick<Copied, 'tags'> {}

/** What a copy did. */
export interface CopyResult {
  /** The content that was sent, in bytes. */
  readonly sentBytes: number;
  /** The content that the destination had already, or got from elsewhere in the same registry, in bytes. */
  readonly presentBytes: number;
  /** How many of the manifests came along because they refer to others. */
  readonly referrers: number;
}

/**
 * Copies an image or index and all that it leads to from one place to another: what is there already is not sent, blobs go
 * before the manifests that name them, and tags come last; between repositories of one registry blobs are mounted where that
 * is possible. Every byte is verified on its way, and none is changed. Push,
 * pull, export, import and mirror are this function.
 * @throws EngineshedError as `findClosure` and the two places do
 */
export async function copy(
  from: Copied['from'],
  root: Descriptor,
  to: Target,
  options: CopyOptions,
): Promise<CopyResult> {
  const { tags, ...others } = options;
  return copyAll([{ from, root, tags }], to, others);
}

/**
 * Copies several images to one place: as {@link copy} does, with the content of all of them moving side by side, and what
 * they share once. The order in which content is begun is the same every time.
 * @throws EngineshedError as {@link copy} does
 */
export async function copyAll(
  images: readonly Copied[],
  to: Target,
  options: CopyAllOptions = {},
): Promise<CopyResult> {
  const report = options.report ?? (() => {});
  const result = { sentBytes: 0, presentBytes: 0, referrers: 0 };
  const sent = new Set<Digest>();
  const present = (descriptor: Descriptor) => {
    const { digest: id, size: total } = descriptor;
    result.presentBytes += total;
    report({ type: 'present', id, label: shortDigest(id), total });
  };
  const push = async (from: Copied['from'], descriptor: Descriptor, open: () => Promise<ByteStream>) => {
    const { digest: id, size: total } = descriptor;
    const about = { id, label: shortDigest(id), total };
    let opened = false;
    const openCounted = async () => {
      opened = true;
      return counted(await open(), about, report);
    };
    await to.push(descriptor, openCounted, mountable(from, to));
    // Somebody else was faster, or it came from elsewhere in the same registry.
    if (!opened) return present(descriptor);
    result.sentBytes += total;
    report({ type: 'transferred', action: 'sent', ...about });
  };
  /** All questions first: then the pushes begin in this order, however long an answer takes. */
  const sendBlobs = async (blobs: readonly Move[]) => {
    const there = await mapLimited(blobs, concurrentQuestions, ({ descriptor }) => to.exists(descriptor));
    for (const [at, { descriptor }] of blobs.entries()) if (there[at]) present(descriptor);
    const missing = blobs.filter((_, at) => !there[at]);
    await mapLimited(missing, concurrentTransfers, ({ from, descriptor }) =>
      push(from, descriptor, () => from.fetch(descriptor)),
    );
  };
  const sendManifest = async ({ from, descriptor, bytes, withSubject }: Move) => {
    if (sent.has(descriptor.digest)) return;
    sent.add(descriptor.digest);
    // One that refers to another is pushed again: that it is there does not mean that it is in the list of referrers.
    if (!withSubject && (await to.exists(descriptor))) present(descriptor);
    else await push(from, descriptor, async () => (bytes ? streamOf(bytes) : from.fetch(descriptor)));
  };

  try {
    const closures = await mapLimited(images, concurrentTransfers, async ({ from, root }) => ({
      from,
      closure: await findClosure(from, root, options.referrers ?? 'leave'),
    }));
    await sendBlobs(blobsOf(closures));
    for (const { from, closure } of closures) {
      const move = (descriptor: Descriptor) => ({
        from,
        descriptor,
        bytes: closure.bytes.get(descriptor.digest),
        withSubject: closure.withSubject.has(descriptor.digest),
      });
      for (const level of closure.levels)
        await mapLimited(level.map(move), concurrentTransfers, sendManifest);
      // One after the other: some registries keep those of one subject in one list.
      for (const referrer of closure.referrers) await sendManifest(move(referrer));
      result.referrers += closure.referrers.length;
    }
    for (const { root, tags } of images) for (const tag of tags) await to.tag(root, tag);
  } catch (error) {
    const what = images.length === 1 ? images.map(({ root }) => shortDigest(root.digest)) : ['images'];
    throw inOperation(`Copying ${what} to ${to.label}`, error);
  }
  return result;
}

/** Content on its way. */
interface Move {
  readonly from: Copied['from'];
  readonly descriptor: Descriptor;
  readonly bytes?: Uint8Array | undefined;
  readonly withSubject?: boolean;
}

function blobsOf(closures: readonly { from: Copied['from']; closure: Closure }[]): Move[] {
  const blobs = new Map<Digest, Move>();
  for (const { from, closure } of closures) {
    for (const descriptor of closure.blobs)
      if (!blobs.has(descriptor.digest)) blobs.set(descriptor.digest, { from, descriptor });
  }
  return [...blobs.values()];
}

/** Content in another repository of the same registry need not be sent. */
function mountable(from: Copied['from'], to: Target) {
  const isNear = from.repository !== undefined && from.repository.registry === to.repository?.registry;
  return isNear && from.repository ? { mountFrom: [from.repository.repository] } : {};
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
