/** The annotation keys that Engineshed writes and reads: those of the image specification, and some of others and of its own. */
export const annotationKeys = {
  created: 'org.opencontainers.image.created',
  revision: 'org.opencontainers.image.revision',
  source: 'org.opencontainers.image.source',
  version: 'org.opencontainers.image.version',
  licenses: 'org.opencontainers.image.licenses',
  title: 'org.opencontainers.image.title',
  refName: 'org.opencontainers.image.ref.name',
  /** In an index.json: the name of an image in full, as containerd and Docker write it. */
  imageName: 'io.containerd.image.name',
  /** On an image that was published for a branch or a pull request: the branch, and the number. */
  branch: 'io.github.engineshed.branch',
  pullRequest: 'io.github.engineshed.pull-request',
  /**
   * On a layer: `inert` says that its publisher keeps symbolic links which are absolute or lead out of the layer; they are
   * then installed as they are and never followed.
   */
  externalLinks: 'io.github.engineshed.layer.external-links',
  /** On a layer of a consolidated image: the component that is in it. */
  layerSource: 'io.github.engineshed.layer.source',
  /** On a consolidated image: the lock that it was composed from, as canonical JSON. */
  releaseLock: 'io.github.engineshed.release.lock',
} as const;

/**
 * A time in milliseconds since the epoch, from what an annotation or statement tells (RFC 3339); undefined for everything else, such
 * as the many texts that `Date.parse` takes for times.
 */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** A time as annotations and configs tell it (RFC 3339, UTC), from whole seconds since the epoch. */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
