import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineshedError, fromNamedPath, inOperation, isEngineshedError } from '../../errors/index.js';
import { isAlive, type Owner, ownedName, parseOwnedName, syncDirectory } from '../../files/index.js';
import { type Descriptor, type Digest, isIndexType, isManifestType } from '../../oci/index.js';
import type { OpenContent, Target } from '../types.js';
import { verified } from '../verify.js';
import { blobName, docker, type Finish, oci } from './finish.js';
import { readImages } from './images.js';
import { type Place, TarFile } from './tar-file.js';

const temporaryPrefix = '.engineshed-new-';

/** The kinds of archives. */
export type ArchiveKind = 'oci-archive' | 'docker-archive';

/** How to write an archive. */
export interface WriteArchiveOptions {
  readonly kind: ArchiveKind;
  /** The file, absolute. */
  readonly path: string;
  /** What it is called in messages. */
  readonly label: string;
  /** What becomes of a file that is at `path` already. It is never changed, only replaced as a whole. */
  readonly ifPresent: 'refuse' | 'replace';
  /** This process, for the temporary file. */
  readonly owner: Owner;
}

/**
 * Makes an archive of images of what `work` pushes and tags: the file is there, complete and durable, when this returns, and
 * is not there, or is still the earlier one, when it throws. It is written beside its place, once, as the content comes. The
 * same content pushed in the same order gives the same bytes.
 *
 * In a docker-archive a tag is the name of an image in full, such as `docker.io/library/busybox:1`.
 * @throws EngineshedError `FILE_IN_THE_WAY`, `PATH_NOT_FOUND` where its directory does not exist, `DISK_FULL`,
 * `FILE_PERMISSION`, `CONTENT_NOT_FOUND` where a push failed and was not made good, `MEDIA_TYPE_UNSUPPORTED` for a
 * docker-archive of an index, and what `work` throws
 */
export async function writeArchive<T>(
  options: WriteArchiveOptions,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const { path, label, owner, kind } = options;
  const directory = dirname(path);
  let file: TarFile | undefined;
  try {
    refusePresent(options);
    sweep(directory);
    file = new TarFile(`${directory}/${temporaryPrefix}${ownedName(owner)}`);
    const archive = new ArchiveInProgress(label, file, kind === 'oci-archive' ? oci : docker);
    const result = await work(archive.target);
    await archive.finish();
    refusePresent(options);
    renameSync(file.path, path);
    syncDirectory(directory);
    return result;
  } catch (error) {
    file?.discard();
    // What has a name of its own tells what it is about.
    throw isEngineshedError(error) ? error : inOperation(`Writing ${label}`, error);
  }
}

class ArchiveInProgress {
  readonly target: Target;
  readonly #label: string;
  readonly #file: TarFile;
  readonly #format: Finish;
  /** Everything that a place was kept for; complete or not. */
  readonly #places = new Map<Digest, Place>();
  readonly #complete = new Set<Digest>();
  readonly #running = new Map<Digest, Promise<void>>();
  readonly #manifests = new Map<Digest, Descriptor>();
  readonly #tags = new Map<string, Descriptor>();

  constructor(label: string, file: TarFile, format: Finish) {
    this.#label = label;
    this.#file = file;
    this.#format = format;
    file.add('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    const images = readImages({
      label,
      manifests: () => [...this.#manifests.values()],
      tags: () => this.#tags,
      content: (digest) => {
        const place = this.#places.get(digest);
        if (place === undefined || !this.#complete.has(digest)) return undefined;
        return { size: place.size, open: () => file.read(place) };
      },
    });
    this.target = {
      ...images,
      push: (descriptor, open) => this.#push(descriptor, open),
      tag: async (descriptor, tag) => this.#tag(descriptor, tag),
    };
  }

  /** Writes what names the content, and ends the archive. */
  async finish(): Promise<void> {
    const missing = [...this.#places.keys()].find((digest) => !this.#complete.has(digest));
    if (missing !== undefined)
      throw new EngineshedError(
        'CONTENT_NOT_FOUND',
        `${this.#label} is not complete: ${missing} was begun and not ended`,
      );
    await this.#format.finish(this.#file, {
      label: this.#label,
      manifests: [...this.#manifests.values()],
      tags: this.#tags,
      images: this.target,
    });
    await this.#file.finish();
  }

  /** The place is kept before anything is waited for: the order of the calls is the order in the archive. */
  async #push(descriptor: Descriptor, open: OpenContent): Promise<void> {
    const { digest } = descriptor;
    while (this.#running.has(digest)) await this.#running.get(digest)?.catch(() => {});
    if (this.#complete.has(digest)) return;
    const place = this.#places.get(digest) ?? this.#file.reserve(blobName(digest), descriptor.size);
    this.#places.set(digest, place);
    const filling = this.#fill(place, descriptor, open);
    this.#running.set(digest, filling);
    try {
      await filling;
    } catch (error) {
      throw inOperation(`Writing ${digest}`, error);
    } finally {
      this.#running.delete(digest);
    }
    this.#complete.add(digest);
    if (isManifestType(descriptor.mediaType) || isIndexType(descriptor.mediaType))
      this.#manifests.set(digest, descriptor);
  }

  async #fill(place: Place, descriptor: Descriptor, open: OpenContent): Promise<void> {
    await this.#file.fill(place, verified(await open(), descriptor));
  }

  #tag(descriptor: Descriptor, tag: string): void {
    if (!this.#complete.has(descriptor.digest)) {
      throw new EngineshedError(
        'CONTENT_NOT_FOUND',
        `${this.#label} has no content ${descriptor.digest} to tag as ${tag}`,
      );
    }
    this.#tags.set(this.#format.checkTag(tag), descriptor);
  }
}

function refusePresent({ path, label, ifPresent }: WriteArchiveOptions): void {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined || (present.isFile() && ifPresent === 'replace')) return;
  throw new EngineshedError(
    'FILE_IN_THE_WAY',
    present.isFile()
      ? `${label} is there already; an archive is not changed, only replaced as a whole`
      : `${label} is there already, and is no regular file`,
    {
      hint: present.isFile()
        ? 'Name another file, or let --replace put the new one in its place.'
        : undefined,
      details: { path },
    },
  );
}

/** Removes what killed writers left beside their archives. */
function sweep(directory: string): void {
  for (const name of namesIn(directory)) {
    const owner = name.startsWith(temporaryPrefix)
      ? parseOwnedName(name.slice(temporaryPrefix.length))
      : undefined;
    const path = `${directory}/${name}`;
    if (owner === undefined || isAlive(owner, path, Date.now)) continue;
    try {
      rmSync(path, { force: true });
    } catch {
      // It is somebody else's, in a directory such as /tmp.
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw fromNamedPath({ what: 'directory', path: directory, purpose: 'to write the archive to' }, error);
  }
}
