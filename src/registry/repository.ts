import type { FetchOptions, Target } from '../content/index.js';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isDockerSchema1,
  isIndexType,
  isManifestType,
  parseManifest,
  parseTag,
  referralOf,
} from '../oci/index.js';
import { blobExists } from './blob-exists.js';
import { type Download, openDownload } from './download.js';
import type { RegistryHost } from './host.js';
import type { Limits } from './limits.js';
import { Manifests } from './manifests.js';
import { listTags } from './paging.js';
import { listReferrers } from './referrers.js';
import { ReferrersRecord } from './referrers-record.js';
import { tagRemover } from './removing.js';
import { setTag } from './tagging.js';
import { uploadBlob } from './upload.js';

/** A repository of one registry, whose blobs may be downloaded together with what other places have of them. */
export interface Repository extends Target {
  /** The download of a blob that `fetch` opens. */
  download(descriptor: Descriptor, options: FetchOptions): Download;
}

/**
 * A repository of a registry as a {@link Target}. Content is asked for at this repository only: the `urls` of a descriptor
 * (foreign layers) are not used (B06).
 */
export function repositoryTarget(host: RegistryHost, limits: Limits, repository: string): Repository {
  const label = `${host.registry}/${repository}`;
  const manifests = new Manifests(host, limits, repository);
  const of = { host, limits, repository, manifests };
  const record = new ReferrersRecord(of);
  const uploads = new Map<Digest, Promise<void>>();
  const nameOf = ({ digest }: Descriptor) => `blob ${label}@${digest}`;
  const download = (descriptor: Descriptor, options: FetchOptions): Download => ({
    host,
    limits,
    descriptor,
    what: nameOf(descriptor),
    beginning: options.beginning,
    request: {
      method: 'GET',
      target: `/v2/${repository}/blobs/${descriptor.digest}`,
      permission: { repository, access: 'pull' },
      signal: options.signal,
    },
  });
  return {
    label,
    download,
    repository: { registry: host.registry, repository },
    async resolve(tagOrDigest) {
      return manifests.resolve(isDigest(tagOrDigest) ? tagOrDigest : parseTag(tagOrDigest));
    },
    async fetch(descriptor, options = {}) {
      if (isManifest(descriptor)) return manifests.fetch(descriptor, options);
      return openDownload(download(descriptor, options));
    },
    async exists(descriptor) {
      if (isManifest(descriptor)) return manifests.exists(descriptor);
      return blobExists(host, repository, descriptor, 'pull');
    },
    async push(descriptor, open, { mountFrom = [] } = {}) {
      if (isManifest(descriptor)) {
        const { bytes, processedSubject } = await manifests.push(descriptor, open);
        const referral = isDockerSchema1(descriptor.mediaType)
          ? undefined
          : referralOf(descriptor, parseManifest(bytes, descriptor));
        if (referral !== undefined) await record.add(referral, processedSubject);
        return;
      }
      await inTurn(uploads, descriptor.digest, async () => {
        if (await blobExists(host, repository, descriptor, 'push')) return;
        const what = nameOf(descriptor);
        await uploadBlob({ host, limits, repository, descriptor, open, what, mountFrom });
      });
    },
    async tag(descriptor, tag) {
      await setTag(manifests, limits, descriptor, parseTag(tag));
    },
    remover: tagRemover(manifests, limits),
    tags: (options) => listTags(host, repository, label, options),
    referrers: (subject, artifactType) => listReferrers(of, subject, artifactType),
  };
}

/**
 * Lets who uploads the same content wait for the one before, who need not fail too. The CNCF registry mixes up those that come at
 * once: it says that it has the blob while another upload of it is moved into its place.
 */
async function inTurn(
  uploads: Map<Digest, Promise<void>>,
  digest: Digest,
  upload: () => Promise<void>,
): Promise<void> {
  for (let before = uploads.get(digest); before !== undefined; before = uploads.get(digest))
    await before.catch(() => undefined);
  const own = upload().finally(() => uploads.delete(digest));
  uploads.set(digest, own);
  await own;
}

/** Tells whether content is a manifest or an index, which registries keep apart from blobs. */
export function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType) || isDockerSchema1(mediaType);
}
