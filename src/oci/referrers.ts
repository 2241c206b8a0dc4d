import * as v from 'valibot';
import { type Digest, digestAlgorithm, digestHex } from './digest.js';
import { parseJson } from './json.js';
import { check, type Descriptor, descriptorSchema, type ParsedManifest } from './manifest.js';

/** The most referrers of one subject that are read. */
export const maxReferrers = 10_000;
/** The most hexadecimal digits of the subject that its referrers tag has. */
const maxTagDigits = 64;

/** A list of referrers. Some registries write none of them as null, in Go's manner. */
const referrersSchema = v.looseObject({
  schemaVersion: v.literal(2),
  manifests: v.nullable(v.pipe(v.array(descriptorSchema), v.maxLength(maxReferrers))),
});

/**
 * The tag under which registries without a referrers API keep the list of a manifest's referrers (distribution
 * specification, "Referrers Tag Schema"): `sha256-` and the digits of the digest, at most 64 of them.
 */
export function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, maxTagDigits)}`;
}

/**
 * Tells whether a tag names no image but what refers to one: a list of referrers (see {@link referrersTag}), or one of them,
 * as cosign tags signatures with `.sig` and the like after the digest.
 */
export function isReferrersTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64,}(?:\.[a-z0-9]+)?$/.test(tag);
}

/** What a manifest refers to, and how a list of referrers describes it. */
export interface Referral {
  readonly subject: Descriptor;
  /** The manifest with its artifact type and annotations. */
  readonly referrer: Descriptor;
}

/**
 * How a list of referrers describes a manifest that has a subject (distribution specification, "Pushing Manifests with
 * Subject"): with its annotations, and with its artifact type, which is its config's media type where it names none.
 * Undefined for a manifest without a subject.
 */
export function referralOf(
  { mediaType, digest, size }: Descriptor,
  parsed: ParsedManifest,
): Referral | undefined {
  const content = parsed.kind === 'manifest' ? parsed.manifest : parsed.index;
  if (content.subject === undefined) return undefined;
  const artifactType =
    content.artifactType || (parsed.kind === 'manifest' ? parsed.manifest.config.mediaType : undefined);
  const { annotations } = content;
  return {
    subject: content.subject,
    referrer: {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
  };
}

/**
 * Parses a list of referrers: the answer of the referrers API, or the index under a referrers tag.
 * @param where names it in errors
 * @throws EngineshedError `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function parseReferrers(bytes: Uint8Array, where: string): readonly Descriptor[] {
  return check(referrersSchema, parseJson(bytes, where), where).manifests ?? [];
}

/**
 * Passes descriptors on, each digest once, without those of another artifact type than the one that is asked for.
 * @param asked the artifact type; undefined for all
 */
export function referrerFilter(asked: string | undefined): (list: readonly Descriptor[]) => Descriptor[] {
  const seen = new Set<Digest>();
  return (list) =>
    list.filter(({ digest, artifactType }) => {
      if (seen.has(digest) || (asked !== undefined && artifactType !== asked)) return false;
      seen.add(digest);
      return true;
    });
}
