import { EngineshedError } from '../errors/index.js';
import { namesPath, parseReference, type Reference } from '../oci/index.js';

/** Transports of containers-transports(5) that other tools have and this one has not. */
const otherTransport = /^(?:dir|docker-daemon|containers-storage|ostree|sif|tarball):(?!\d+\/)/;

/**
 * The image that a command is given. Where a reference alone would be one of Docker Hub, as `train` or `localhost:5000`, that is
 * most likely the name of an engine, of a registry or of a directory: Docker Hub has to be spelled out.
 * @throws EngineshedError `REFERENCE_INVALID`, `DIGEST_INVALID`, `USAGE`
 */
export function parseImage(text: string): Reference {
  if (namesPath(text)) return parseReference(text);
  if (otherTransport.test(text)) {
    throw new EngineshedError('USAGE', `"${text}" has a transport that Engineshed does not know`, {
      hint: 'Images are at registry/repository[:tag], oci:DIR[:tag], oci-archive:FILE[:tag] or docker-archive:FILE[:NAME:tag].',
    });
  }
  if (/^(?:[.~]{0,2}\/|[A-Za-z]:\\)/.test(text) || text === '.' || text === '..') {
    throw new EngineshedError('USAGE', `"${text}" is a path, and no image`, {
      hint: `For an OCI image layout write oci:${text}, for an archive oci-archive:${text}.`,
    });
  }
  if (/.\/$/.test(text)) {
    throw new EngineshedError('USAGE', `"${text}" ends with "/", and names no image`, {
      hint: 'Leave the "/" out, or write the repository after it.',
    });
  }
  if (text.includes('/') || text === '') return parseReference(text);
  if (/^(?:localhost|[^:]*\.[^:]*):\d+$/.test(text)) {
    throw new EngineshedError('USAGE', `"${text}" names a registry, and no image in it`, {
      hint: `Write ${text}/repository[:tag].`,
    });
  }
  throw new EngineshedError('USAGE', `"${text}" names no image`, {
    hint:
      `Name the registry too: registry/repository[:tag], for one of Docker Hub docker.io/library/${text}. ` +
      'A directory reads oci:DIR[:tag].',
  });
}
