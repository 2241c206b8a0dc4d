import { EngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
  parseManifest,
  referralOf,
  referrerFilter,
} from '../oci/index.js';
import { streamOf } from './stream.js';
import type { ByteStream, OpenContent, Target } from './types.js';
import { checkBytes, verified } from './verify.js';

/** A target in memory, for small images and for tests. */
export function memoryTarget(label = 'memory'): Target {
  const blobs = new Map<Digest, { bytes: Uint8Array; descriptor: Descriptor }>();
  const names = new Map<string, Descriptor>();
  const stored = (digest: Digest, what: string) => {
    const blob = blobs.get(digest);
    if (blob === undefined) throw new EngineshedError('CONTENT_NOT_FOUND', `${label} has no ${what}`);
    return blob;
  };
  return {
    label,
    async fetch(descriptor): Promise<ByteStream> {
      const { bytes } = stored(descriptor.digest, descriptor.digest);
      return verified(streamOf(bytes), descriptor);
    },
    async exists(descriptor) {
      return blobs.has(descriptor.digest);
    },
    async push(descriptor, open: OpenContent) {
      if (blobs.has(descriptor.digest)) return;
      const chunks: Uint8Array[] = [];
      for await (const chunk of await open()) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      checkBytes(bytes, descriptor);
      blobs.set(descriptor.digest, { bytes, descriptor });
    },
    async resolve(wanted) {
      const descriptor = isDigest(wanted) ? blobs.get(wanted)?.descriptor : names.get(wanted);
      if (descriptor === undefined)
        throw new EngineshedError('REFERENCE_NOT_FOUND', `${label} has no ${wanted}`);
      return descriptor;
    },
    async tag(descriptor, tag) {
      stored(descriptor.digest, `${descriptor.digest} to tag as ${tag}`);
      names.set(tag, descriptor);
    },
    async *tags() {
      yield* names.keys();
    },
    async *referrers(subject, artifactType) {
      const referrers = [...blobs.values()].flatMap(({ bytes, descriptor }) => {
        if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) return [];
        const referral = referralOf(descriptor, parseManifest(bytes, descriptor));
        return referral?.subject.digest === subject.digest ? [referral.referrer] : [];
      });
      yield* referrerFilter(artifactType)(referrers);
    },
  };
}
