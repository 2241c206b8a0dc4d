import { type OpenContent, type PushOptions, readAll, streamOf, type Target } from '../content/index.js';
import { type Descriptor, isDigest, maxManifestBytes } from '../oci/index.js';
import { type ReadOptions, ReadPlaces } from './read-places.js';
import { isManifest } from './repository.js';

/** Content up to this many bytes is read whole before it counts as found, so that damaged content is taken from elsewhere. */
const wholeBytes = 1024 * 1024;

/** A repository with its mirrors. */
export interface MirroredOptions extends ReadOptions {
  /** The repository as references name it. */
  readonly label: string;
  /** Called before each write, of which all go to the location. */
  readonly beforeWrite: () => void;
}

/**
 * A repository that is read from its mirrors, one after the other, and at last from its location, and written to the location
 * only. Every failure of a mirror leads to the next place: of the network, of TLS, of a login, missing content, an answer that
 * is none, content that is not what it should be; a download that breaks off goes on from the next. A mirror that the network failed is not asked again. What a mirror says for
 * a tag is taken; content is verified by its digest wherever it comes from. Whether content exists is asked of the location,
 * since it matters to those who write.
 */
export function mirroredTarget(options: MirroredOptions): Target {
  const { label, location, beforeWrite } = options;
  const places = new ReadPlaces(options);
  return {
    label,
    repository: location.repository,
    resolve: (tagOrDigest) =>
      isDigest(tagOrDigest)
        ? places.read('manifest', (target) => target.resolve(tagOrDigest))
        : places.read('tag', (target) => target.resolve(tagOrDigest)),
    async fetch(descriptor, fetchOptions = {}) {
      const isOfManifest = isManifest(descriptor);
      const whole = isOfManifest ? maxManifestBytes : wholeBytes;
      if (!isOfManifest && descriptor.size > whole)
        return places.download((repository) => repository.download(descriptor, fetchOptions));
      return places.read(isOfManifest ? 'manifest' : 'blob', async (repository) =>
        streamOf(await readAll(await repository.fetch(descriptor, fetchOptions), descriptor, whole)),
      );
    },
    exists: (descriptor) => location.exists(descriptor),
    tags: (listOptions) => places.list('tag', (target) => target.tags(listOptions)),
    referrers: (subject, artifactType) =>
      places.list('manifest', (target) => target.referrers(subject, artifactType)),
    async push(descriptor: Descriptor, open: OpenContent, pushOptions?: PushOptions) {
      beforeWrite();
      await location.push(descriptor, open, pushOptions);
    },
    async tag(descriptor, tag) {
      beforeWrite();
      await location.tag(descriptor, tag);
    },
    written: location,
  };
}
