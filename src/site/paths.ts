import { type Digest, digestHex } from '../oci/index.js';
import type { ReleaseSite } from '../release/index.js';

/** The files of the pages, with `/`, relative to the directory of the site. */
export interface SitePaths {
  readonly index: string;
  readonly all: string;
  readonly compare: string;
  /** By the name of the channel. */
  readonly channels: ReadonlyMap<string, string>;
  /** The page of a release: by its digest, so that its address stays whatever it is called later. */
  release(digest: Digest): string;
}

/** Names the pages of a site: the same in every system, upper and lower case apart or not. */
export function sitePaths({ channels }: ReleaseSite): SitePaths {
  const taken = new Set<string>();
  const files = channels.map(({ name }): [string, string] => {
    const plain = name
      .toLowerCase()
      .replace(/[^a-z0-9._-]/g, '-')
      .slice(0, 80);
    let base = plain;
    for (let more = 2; taken.has(base); more++) base = `${plain}-${more}`;
    taken.add(base);
    return [name, `channel-${base}.html`];
  });
  return {
    index: 'index.html',
    all: 'all.html',
    compare: 'compare.html',
    channels: new Map(files),
    release: (digest) => `releases/${digestHex(digest)}.html`,
  };
}
