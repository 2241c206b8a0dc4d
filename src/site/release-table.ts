import type { SiteRelease } from '../release/index.js';
import { summary } from './changes.js';
import { type Html, html } from './html.js';
import { badge, table, testBadge } from './pieces.js';
import { addresses, differences, leadingTo, predecessors, takenBackFrom, type View } from './view.js';
import { count, day } from './words.js';

/** A table of releases, each with what leads to it, when it came and how much changed. */
export function releaseTable(
  view: View,
  from: string,
  caption: string,
  releases: readonly SiteRelease[],
): Html {
  return table(
    caption,
    ['Release', 'Channels', 'Released', 'Changes', 'Tests'],
    releases.map((release) => [
      releaseLink(view, from, release),
      channelsOf(view, release),
      day(release.time),
      changeOf(view, release),
      testBadge(release),
    ]),
  );
}

/** A release by its name, as a link to its page. */
export function releaseLink({ paths }: View, from: string, { digest, title }: SiteRelease): Html {
  return html`<a class="version" href="${addresses(from)(paths.release(digest))}">${title}</a>`;
}

/** The channels that lead to it now, and those that it is a version of. */
function channelsOf(view: View, release: SiteRelease): Html {
  const now = leadingTo(view, release).map(({ name }) => name);
  const once = [...new Set(release.names.map(({ channel }) => channel))].filter(
    (name) => !now.includes(name),
  );
  const back = takenBackFrom(view, release).map(({ channel }) => channel.name);
  if (now.length + once.length + back.length === 0) return html`<span class="quiet">–</span>`;
  return html`<span class="badges">${now.map((name) => badge('accent', name))}${once
    .filter((name) => !back.includes(name))
    .map(
      (name) => html`<span class="quiet">${name}</span>`,
    )}${back.map((name) => badge('warn', `${name}, taken back`))}</span>`;
}

function changeOf(view: View, release: SiteRelease): Html | string {
  const [before] = predecessors(view, release);
  if (before !== undefined) return summary(differences(before.release, release));
  return html`<span class="quiet">${count(Object.keys(release.engine.sources).length, 'component')}</span>`;
}
