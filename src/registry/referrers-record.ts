import { setTimeout as sleep } from 'node:timers/promises';
import { mapLimited } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  describe,
  maxManifestBytes,
  maxReferrers,
  mediaTypes,
  parseJson,
  type Referral,
  referrersTag,
} from '../oci/index.js';
import { hasReferrersApi, type ReferrersOf, tooMany } from './referrers.js';
import { readTaggedReferrers, type TaggedReferrers } from './referrers-tag.js';

/** How often the list is written at most for one referrer. */
const maxWrites = 10;
/** How many manifests are looked for at the same time. */
const concurrentChecks = 4;

/** Records in registries what refers to what. One for each repository. */
export class ReferrersRecord {
  readonly #of: ReferrersOf;
  /** The last of those who wait to change a list, by tag: within one process nobody gets in another's way. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(of: ReferrersOf) {
    this.#of = of;
  }

  /**
   * Sees to it that a manifest which was pushed is found from its subject (distribution specification, "Pushing Manifests
   * with Subject"): the registry has said that it did so, or has the referrers API; else the list under the referrers tag is
   * changed.
   * @param processed what the registry said in `OCI-Subject` when it took the manifest
   * @throws EngineshedError `REFERRERS_CONFLICT` where others change the list all the time, `RESPONSE_INVALID` where the
   * registry does not keep it or it is full, and as `readTaggedReferrers` does
   */
  async add(referral: Referral, processed: string | undefined): Promise<void> {
    const { subject } = referral;
    // Some registries with the API do not say that they looked at the subject.
    if (processed === subject.digest || (await hasReferrersApi(this.#of, subject))) return;
    const tag = referrersTag(subject.digest);
    const before = this.#turns.get(tag) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#addToTag(referral));
    this.#turns.set(tag, turn);
    await turn;
  }

  /**
   * Most registries know no conditional writes, so another writer who read the list before us may write it after us, without
   * our entry. That is why it is read again after our write, and once more when such a writer must have come to his end.
   */
  async #addToTag({ subject, referrer }: Referral): Promise<void> {
    const isOurs = ({ digest }: Descriptor) => digest === referrer.digest;
    let written: readonly Descriptor[] = [];
    let kept = true;
    const gone = new Set<Digest>();
    for (let writes = 0; writes <= maxWrites; writes++) {
      const start = performance.now();
      const list = await readTaggedReferrers(this.#of.manifests, subject);
      if (list?.entries.some(isOurs)) return;
      kept = writes === 0 || list !== undefined;
      if (writes === maxWrites) break;
      // A list without our entry is of someone who did not see ours, nor what was lost with it.
      const entries = unite(list?.entries ?? [], written, [referrer]).filter(
        (entry) => !gone.has(entry.digest),
      );
      if (entries.length > maxReferrers) throw tooMany(this.#of, subject);
      if (!(await this.#write(subject, list, entries, gone))) {
        await this.#pause(performance.now() - start, writes);
        continue;
      }
      written = entries;
      const took = performance.now() - start;
      const settled = await this.#staysListed(subject, isOurs, took);
      if (settled) return;
      await this.#pause(took, writes);
    }
    throw kept ? this.#conflict(subject) : this.#notKept(subject);
  }

  async #staysListed(
    subject: Descriptor,
    isOurs: (entry: Descriptor) => boolean,
    took: number,
  ): Promise<boolean> {
    const isListed = async () =>
      (await readTaggedReferrers(this.#of.manifests, subject))?.entries.some(isOurs) ?? false;
    if (!(await isListed())) return false;
    await sleep(2 * took + this.#of.limits.backoffMs);
    return isListed();
  }

  /**
   * Tells whether it was written, and not refused because somebody else did so meanwhile, or because manifests that it names
   * are not there any more: those are added to `gone`.
   */
  async #write(
    subject: Descriptor,
    list: TaggedReferrers | undefined,
    entries: readonly Descriptor[],
    gone: Set<Digest>,
  ): Promise<boolean> {
    const bytes = encodeList(list, entries);
    if (bytes.byteLength > maxManifestBytes) throw tooMany(this.#of, subject);
    const { manifests } = this.#of;
    const descriptor = describe(mediaTypes.imageIndex, bytes);
    try {
      return await manifests.replace(descriptor, bytes, referrersTag(subject.digest), list?.etag);
    } catch (error) {
      if (!isEngineshedError(error, 'CONTENT_NOT_FOUND', 'RESPONSE_INVALID')) throw error;
      const missing = await this.#missing(entries);
      if (missing.length === 0) throw error;
      for (const digest of missing) gone.add(digest);
      return false;
    }
  }

  /** The entries whose manifests the registry does not have. */
  async #missing(entries: readonly Descriptor[]): Promise<Digest[]> {
    const there = await mapLimited(entries, concurrentChecks, (entry) => this.#of.manifests.exists(entry));
    return entries.filter((_, at) => !there[at]).map(({ digest }) => digest);
  }

  /** Writers who met once should not meet again. */
  async #pause(took: number, writes: number): Promise<void> {
    await sleep(Math.random() * (took + this.#of.limits.backoffMs) * Math.min(2 ** writes, 16));
  }

  #conflict(subject: Descriptor): EngineshedError {
    const { label } = this.#of.manifests;
    return new EngineshedError(
      'REFERRERS_CONFLICT',
      `Others change the list of what refers to ${label}@${subject.digest} all the time: what was pushed is there, but not in the list`,
      { hint: 'Try again when nobody else attaches anything to that image.' },
    );
  }

  #notKept(subject: Descriptor): EngineshedError {
    const { label } = this.#of.manifests;
    return new EngineshedError(
      'RESPONSE_INVALID',
      `${this.#of.host.registry} has no referrers API and does not keep the tag ${label}:${referrersTag(subject.digest)} instead`,
      { hint: 'Nothing can be attached to images there. Use another registry for what refers to them.' },
    );
  }
}

/** Each digest once, as it came first. */
function unite(...lists: readonly (readonly Descriptor[])[]): Descriptor[] {
  const all = new Map<string, Descriptor>();
  for (const entry of lists.flat()) if (!all.has(entry.digest)) all.set(entry.digest, entry);
  return [...all.values()];
}

/** What others wrote beside the entries stays. */
function encodeList(list: TaggedReferrers | undefined, manifests: readonly Descriptor[]): Buffer {
  const before = list === undefined ? {} : (parseJson(list.bytes, 'list of referrers') as object);
  return Buffer.from(
    JSON.stringify({ ...before, schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests }),
  );
}
