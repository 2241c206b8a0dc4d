import { EngineshedError } from '../../errors/index.js';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
  maxManifestBytes,
  parseJson,
  parseReferrers,
  type Referral,
  referralOf,
  referrerFilter,
  referrersTag,
} from '../../oci/index.js';
import { readManifest } from '../image.js';
import { tagOf } from '../layout-index.js';
import type { ByteStream, Target } from '../types.js';
import { readAll, verified } from '../verify.js';

/** Content as an archive has it; nothing of it is verified yet. */
export interface StoredContent {
  /** In bytes. */
  readonly size: number;
  open(signal?: AbortSignal): ByteStream;
}

/** The images of an archive, as one kind of archive names them. */
export interface ArchiveImages {
  /** What the archive is called in messages. */
  readonly label: string;
  /** The manifests and indexes that it names, with or without a tag. */
  readonly manifests: () => readonly Descriptor[];
  /** Its tags; in a docker-archive the names of the images in full. */
  readonly tags: () => ReadonlyMap<string, Descriptor>;
  readonly content: (digest: Digest) => StoredContent | undefined;
}

/** The part of a {@link Target} that reads. */
export type ReadableImages = Pick<Target, 'label' | 'fetch' | 'exists' | 'resolve' | 'tags' | 'referrers'> &
  Required<Pick<Target, 'images'>>;

/** Reads the images of an archive, all verified. */
export function readImages(archive: ArchiveImages): ReadableImages {
  const { label } = archive;
  const fetch: ReadableImages['fetch'] = async (descriptor, options) => {
    const content = archive.content(descriptor.digest);
    if (content === undefined)
      throw new EngineshedError('CONTENT_NOT_FOUND', `${label} has no content ${descriptor.digest}`);
    return verified(content.open(options?.signal), descriptor);
  };
  /** A manifest that the archive has without naming it in its index, such as one inside an index. */
  const unnamed = async (digest: Digest): Promise<Descriptor | undefined> => {
    const content = archive.content(digest);
    if (content === undefined || content.size > maxManifestBytes) return undefined;
    const descriptor = { mediaType: 'application/octet-stream', digest, size: content.size };
    const bytes = await readAll(await fetch(descriptor), descriptor, maxManifestBytes);
    const json = parseJson(bytes, `manifest ${digest}`) as { mediaType?: unknown } | null;
    return typeof json?.mediaType === 'string' ? { ...descriptor, mediaType: json.mediaType } : undefined;
  };
  const referrals = new Map<Digest, Referral | undefined>();
  const referralsOf = async (entry: Descriptor, subject: Descriptor): Promise<readonly Descriptor[]> => {
    if (entry.size > maxManifestBytes || archive.content(entry.digest) === undefined) return [];
    if (isIndexType(entry.mediaType) && tagOf(entry) === referrersTag(subject.digest)) {
      const bytes = await readAll(await fetch(entry), entry, maxManifestBytes);
      return parseReferrers(bytes, `list of referrers of ${subject.digest}`);
    }
    if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) return [];
    if (!referrals.has(entry.digest))
      referrals.set(entry.digest, referralOf(entry, (await readManifest({ fetch }, entry)).parsed));
    const referral = referrals.get(entry.digest);
    return referral?.subject.digest === subject.digest ? [referral.referrer] : [];
  };
  return {
    label,
    fetch,
    async exists(descriptor) {
      return archive.content(descriptor.digest)?.size === descriptor.size;
    },
    async resolve(wanted) {
      const found = isDigest(wanted)
        ? (archive.manifests().find(({ digest }) => digest === wanted) ?? (await unnamed(wanted)))
        : archive.tags().get(wanted);
      if (found !== undefined) return found;
      const known = [...archive.tags().keys()].slice(0, 10);
      throw new EngineshedError(
        'REFERENCE_NOT_FOUND',
        `${label} has no image ${isDigest(wanted) ? wanted : `with the name "${wanted}"`}`,
        {
          hint: `It has: ${known.join(', ') || 'no names'}.`,
          details: { reference: `${label}:${wanted}` },
        },
      );
    },
    async *tags() {
      yield* archive.tags().keys();
    },
    async *referrers(subject, artifactType) {
      const fits = referrerFilter(artifactType);
      for (const entry of archive.manifests()) yield* fits(await referralsOf(entry, subject));
    },
    async images() {
      return archive.manifests();
    },
  };
}
