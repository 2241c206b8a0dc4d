import { quotePosix } from '../engine/index.js';
import type { ReleaseSite, SiteRelease } from '../release/index.js';

/** A way to get a release. */
export interface Installation {
  readonly title: string;
  readonly note: string;
  readonly command: string;
}

/** How to install what a channel leads to. */
export function channelCommand({ place }: ReleaseSite, tag: string): string {
  return installCommand(`${place}:${tag}`);
}

/** The ways to get a release, the one for most people first. */
export function installations({ place }: ReleaseSite, { digest, names, title }: SiteRelease): Installation[] {
  const tag = names.find((name) => name.tag === title)?.tag;
  const exact = `${place}@${digest}`;
  const registry = !place.startsWith('oci:');
  return [
    ...(tag === undefined
      ? []
      : [
          {
            title: 'This version',
            note: 'The tag of a version never moves.',
            command: installCommand(`${place}:${tag}`),
          },
        ]),
    {
      title: 'By digest',
      note: 'Exactly these bytes, whatever the tags say.',
      command: installCommand(exact),
    },
    ...(registry
      ? [
          {
            title: 'In a Dockerfile',
            note: 'Every component in the directory of its name.',
            command: `COPY --from=${exact} / /opt/${place.slice(place.lastIndexOf('/') + 1)}/`,
          },
        ]
      : []),
  ];
}

/** Without a name of its own: that of the composed engine may be one that its user has for something else. */
function installCommand(reference: string): string {
  return `engineshed install ${shellWord(reference)}`;
}

/** Quotes only where a shell would read it otherwise. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9._:@/-]+$/.test(text) ? text : quotePosix(text);
}
