import { EngineshedError } from '../../errors/index.js';
import {
  annotationKeys,
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestHex,
  type Index,
  isIndexType,
  mediaTypes,
  parseReference,
} from '../../oci/index.js';
import { readManifest } from '../image.js';
import { encodeLayoutIndex } from '../layout-index.js';
import type { ContentStore } from '../types.js';
import type { TarFile } from './tar-file.js';

/** What an archive holds when it is to be finished. */
export interface Written {
  readonly label: string;
  /** The manifests and indexes that were pushed, in that order. */
  readonly manifests: readonly Descriptor[];
  readonly tags: ReadonlyMap<string, Descriptor>;
  /** Reads what was pushed. */
  readonly images: Pick<ContentStore, 'fetch' | 'exists'>;
}

/** How a kind of archive names what it holds. */
export interface Finish {
  /**
   * Checks a tag, and brings it into the one form that counts.
   * @throws EngineshedError `REFERENCE_INVALID`
   */
  checkTag(tag: string): string;
  /** Writes the files that name the content. */
  finish(file: TarFile, written: Written): Promise<void>;
}

/** An image layout in a tar archive (containers-transports(5), "oci-archive"). */
export const oci: Finish = {
  checkTag: (tag) => tag,
  async finish(file, written) {
    await writeIndex(file, written, (tag) => ({ [annotationKeys.refName]: tag }));
  },
};

/**
 * What `docker load` reads: an image layout too, and beside it the manifest.json of Docker's image specification 1.2, whose
 * layers are those of the layout, compressed as they are.
 */
export const docker: Finish = {
  checkTag: (tag) => fullName(tag),
  async finish(file, written) {
    file.add('manifest.json', encode(await dockerManifests(written)));
    await writeIndex(file, written, (tag) => ({
      [annotationKeys.imageName]: tag,
      [annotationKeys.refName]: tag.slice(tag.lastIndexOf(':') + 1),
    }));
  },
};

/** The name of an image in full, as Docker understands it: `busybox` is `docker.io/library/busybox:latest`. */
export function fullName(name: string): string {
  const reference = parseReference(name);
  if (reference.transport === 'registry' && reference.digest === undefined)
    return `${reference.registry}/${reference.repository}:${reference.tag ?? 'latest'}`;
  throw new EngineshedError(
    'REFERENCE_INVALID',
    `"${name}" is not the name of an image in a docker-archive`,
    {
      hint: 'Write docker-archive:FILE:NAME:TAG.',
    },
  );
}

async function writeIndex(
  file: TarFile,
  written: Written,
  annotationsOf: (tag: string) => Record<string, string>,
): Promise<void> {
  const { tags, manifests, label } = written;
  const tagged = [...tags].sort(([a], [b]) => (a < b ? -1 : 1));
  const named = new Set<Digest>([...tags.values()].map(({ digest }) => digest));
  const led = await ledTo(written);
  const untagged = manifests.filter(({ digest }) => !named.has(digest) && !led.has(digest));
  const entries = [
    ...tagged.map(([tag, descriptor]) => ({ ...plain(descriptor), annotations: annotationsOf(tag) })),
    ...untagged.map(plain),
  ];
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests: entries };
  file.add('index.json', Buffer.from(encodeLayoutIndex(index, label)));
}

/** What an index names leads to it; an index of which something is missing is content, but no image to offer. */
async function ledTo({ manifests, images }: Written): Promise<Set<Digest>> {
  const led = new Set<Digest>();
  for (const descriptor of manifests.filter(({ mediaType }) => isIndexType(mediaType))) {
    const { parsed } = await readManifest(images, descriptor);
    if (parsed.kind !== 'index') continue;
    const present = await Promise.all(parsed.index.manifests.map((entry) => images.exists(entry)));
    if (present.includes(false)) led.add(descriptor.digest);
    else for (const { digest } of parsed.index.manifests) led.add(digest);
  }
  return led;
}

interface DockerManifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

async function dockerManifests({ label, manifests, tags, images }: Written): Promise<DockerManifest[]> {
  const names = new Map<Digest, string[]>();
  for (const [name, { digest }] of [...tags].sort(([a], [b]) => (a < b ? -1 : 1)))
    names.set(digest, [...(names.get(digest) ?? []), name]);
  const found: DockerManifest[] = [];
  for (const descriptor of manifests) {
    const { parsed } = await readManifest(images, descriptor);
    if (parsed.kind === 'index') {
      throw new EngineshedError(
        'MEDIA_TYPE_UNSUPPORTED',
        `${label} cannot have the index ${descriptor.digest}: an image in a docker-archive is for one platform`,
        { hint: 'Choose the platform, or write an oci-archive.' },
      );
    }
    const { config, layers } = parsed.manifest;
    if (config.mediaType !== mediaTypes.imageConfig && config.mediaType !== mediaTypes.dockerConfig) continue;
    found.push({
      Config: blobName(config.digest),
      RepoTags: names.get(descriptor.digest) ?? [],
      Layers: layers.map(({ digest }) => blobName(digest)),
    });
  }
  return found;
}

/** The name of content in an image layout (image specification, "Image Layout"). */
export function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

function plain({ mediaType, digest, size, platform, artifactType }: Descriptor): Descriptor {
  return { mediaType, digest, size, platform, artifactType };
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
