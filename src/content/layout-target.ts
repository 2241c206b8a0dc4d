import { createReadStream, renameSync, rmSync, statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineshedError, fromSystemError, inOperation } from '../errors/index.js';
import { makeDurableDirectories, syncDirectory } from '../files/index.js';
import {
  annotationKeys,
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestHex,
  isDigest,
  maxManifestBytes,
  parseJson,
  type Referral,
  referrerFilter,
} from '../oci/index.js';
import { noRegularFile, readLayoutFile } from './layout-file.js';
import { changeIndex, type LayoutIndexFile, readIndex, tagOf } from './layout-index.js';
import { type KnownReferrals, layoutReferrers, storedReferral } from './layout-referrers.js';
import type { ByteStream, OpenContent, Target } from './types.js';
import { verified } from './verify.js';

/** An OCI image layout directory (image specification, "Image Layout"). */
export interface Layout extends Target {
  /** The directory, absolute. */
  readonly directory: string;
  /** A path inside the layout for a new file that {@link Layout.adopt} will take; the file does not exist. */
  temporaryFile(): string;
  /**
   * Takes a finished file, whose digest and size the caller has computed while writing it, as content: it is moved, not
   * copied.
   * @throws EngineshedError `SIZE_MISMATCH`, `DISK_FULL`, `IO_FAILED`
   */
  adopt(file: string, descriptor: Descriptor): Promise<void>;
}

/** The content and names of a layout that stands. */
export function layoutTarget(indexFile: LayoutIndexFile): Layout {
  const { directory, label, temporaryFile } = indexFile;
  const blobPath = (digest: Digest) => `${directory}/blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
  const referrals: KnownReferrals = new Map();

  const store = async (descriptor: Descriptor, openContent: OpenContent) => {
    const file = temporaryFile();
    try {
      const handle = await open(file, 'wx', 0o644);
      try {
        for await (const chunk of verified(await openContent(), descriptor)) await handle.writeFile(chunk);
      } finally {
        await handle.close();
      }
      await layout.adopt(file, descriptor);
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    }
  };

  const layout: Layout = {
    label,
    directory,
    temporaryFile,

    async fetch(descriptor, options): Promise<ByteStream> {
      const path = blobPath(descriptor.digest);
      const found = await stat(path).catch((cause) => {
        throw cause.code === 'ENOENT'
          ? new EngineshedError('CONTENT_NOT_FOUND', `${label} has no content ${descriptor.digest}`, {
              cause,
            })
          : fromSystemError(cause);
      });
      // Opening a pipe would wait for ever.
      if (!found.isFile()) throw noRegularFile(`The content ${descriptor.digest} of ${label}`);
      return verified(
        createReadStream(path, { highWaterMark: 1024 * 1024, signal: options?.signal }),
        descriptor,
      );
    },

    async exists(descriptor) {
      const found = statSync(blobPath(descriptor.digest), { throwIfNoEntry: false });
      return found?.isFile() === true && found.size === descriptor.size;
    },

    async push(descriptor, openContent: OpenContent) {
      try {
        if (!(await layout.exists(descriptor))) await store(descriptor, openContent);
        // What has a subject is found by being named in the index, and is kept by it.
        const referral = storedReferral(descriptor, blobPath);
        if (referral !== undefined)
          await changeIndex(indexFile, (entries) => withUntagged(entries, referral));
      } catch (error) {
        throw inOperation(`Writing ${descriptor.digest} to ${label}`, error);
      }
    },

    async adopt(file, descriptor) {
      const path = blobPath(descriptor.digest);
      const handle = await open(file, 'r+');
      try {
        const { size } = await handle.stat();
        if (size !== descriptor.size) {
          throw new EngineshedError(
            'SIZE_MISMATCH',
            `${file} should have ${descriptor.size} bytes and has ${size}`,
          );
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      const home = dirname(path);
      makeDurableDirectories(home);
      renameSync(file, path);
      syncDirectory(home);
    },

    async resolve(wanted) {
      const { manifests } = readIndex(indexFile);
      const found = isDigest(wanted)
        ? manifests.find((entry) => entry.digest === wanted)
        : manifests.findLast((entry) => tagOf(entry) === wanted);
      if (found !== undefined) return found;
      if (isDigest(wanted)) {
        const nested = describeManifestFile(blobPath(wanted), wanted);
        if (nested !== undefined) return nested;
      }
      throw new EngineshedError(
        'REFERENCE_NOT_FOUND',
        `${label} has no image ${isDigest(wanted) ? wanted : `with the tag "${wanted}"`}`,
        {
          hint: `It has: ${[...tagsOf(manifests)].slice(0, 10).join(', ') || 'no tags'}.`,
          details: { reference: `${label}:${wanted}` },
        },
      );
    },

    async tag(descriptor, tag) {
      if (!(await layout.exists(descriptor))) {
        throw new EngineshedError(
          'CONTENT_NOT_FOUND',
          `${label} has no content ${descriptor.digest} to tag as ${tag}`,
        );
      }
      const { mediaType, digest, size, platform, artifactType } = descriptor;
      const annotations = { [annotationKeys.refName]: tag };
      const named = { mediaType, digest, size, platform, artifactType, annotations };
      try {
        await changeIndex(indexFile, (entries) => {
          const others = entries.filter(
            (entry) => tagOf(entry) !== tag && (entry.digest !== digest || tagOf(entry) !== undefined),
          );
          const before = entries.find((entry) => tagOf(entry) === tag && entry.digest !== digest);
          const referral = before && storedReferral(before, blobPath);
          return [...(referral === undefined ? others : withUntagged(others, referral)), named];
        });
      } catch (error) {
        throw inOperation(`Tagging ${label}:${tag}`, error);
      }
    },

    remover: {
      async untag(tag) {
        try {
          await changeIndex(indexFile, (entries) => {
            const gone = entries.filter((entry) => tagOf(entry) === tag);
            const left = entries.filter((entry) => tagOf(entry) !== tag);
            const referrals = gone.flatMap((entry) => storedReferral(entry, blobPath) ?? []);
            return gone.length === 0 ? entries : referrals.reduce(withUntagged, left);
          });
          return true;
        } catch (error) {
          throw inOperation(`Removing the tag ${label}:${tag}`, error);
        }
      },
      async deleteManifest({ digest }) {
        throw new EngineshedError(
          'DELETION_REFUSED',
          `${label} only has its tags removed, and not ${digest}`,
        );
      },
    },

    async *tags() {
      yield* tagsOf(readIndex(indexFile).manifests);
    },

    async images() {
      return readIndex(indexFile).manifests;
    },

    async *referrers(subject, artifactType) {
      yield* referrerFilter(artifactType)(
        layoutReferrers(readIndex(indexFile).manifests, blobPath, subject, referrals),
      );
    },
  };
  return layout;
}

function* tagsOf(manifests: readonly Descriptor[]): Generator<string> {
  const tags = manifests.map(tagOf);
  yield* new Set(tags.filter((tag) => tag !== undefined));
}

/** Names a manifest that has a subject, without a tag, unless it is named already. */
function withUntagged(entries: readonly Descriptor[], { referrer }: Referral): readonly Descriptor[] {
  if (entries.some(({ digest }) => digest === referrer.digest)) return entries;
  // Its annotations stay in the manifest: one of them could look like a tag here.
  const { annotations: _kept, ...entry } = referrer;
  return [...entries, entry];
}

/** A manifest that the layout has without naming it in its index, such as one inside a nested index. */
function describeManifestFile(path: string, digest: Digest): Descriptor | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.size > maxManifestBytes) return undefined;
  const bytes = readLayoutFile(path, maxManifestBytes, `The content ${digest}`);
  const json = parseJson(bytes, `manifest ${digest}`) as { mediaType?: unknown } | null;
  if (typeof json?.mediaType !== 'string') return undefined;
  return { mediaType: json.mediaType, digest, size: bytes.byteLength };
}
