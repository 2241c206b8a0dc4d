import type { SiteChannel } from '../release/index.js';
import type { Page } from './frame.js';
import { type Html, html } from './html.js';
import { channelCommand } from './install.js';
import { badge, copyable, shortDigest, table } from './pieces.js';
import { releaseLink, releaseTable } from './release-table.js';
import { signatureOf } from './trust.js';
import type { View } from './view.js';
import { count, moment } from './words.js';

/** A channel: where it leads, how it came there, and all its versions. */
export function channelPage(view: View, channel: SiteChannel): Page {
  const { site, paths, byDigest, lines } = view;
  const { name, tag, pattern, digest } = channel;
  const path = paths.channels.get(name) ?? paths.index;
  const release = digest === undefined ? undefined : byDigest.get(digest);
  const versions = lines.get(name) ?? [];
  return {
    path,
    title: `${name}: a channel of ${site.engine}`,
    body: html`<p class="kind">Channel</p>
<h1>${name}</h1>
<p class="lead">${
      release === undefined
        ? digest === undefined
          ? 'Leads nowhere yet.'
          : html`Leads to ${shortDigest(digest)}, which cannot be shown.`
        : html`Leads to ${releaseLink(view, path, release)}.`
    }</p>
<p class="quiet">Its tag is <code>${tag}</code>.${pattern === undefined ? undefined : html` The tags of its versions look like <code>${pattern}</code>, and never move.`}</p>
${expiry(channel)}
${digest === undefined ? undefined : copyable(channelCommand(site, tag), `Install ${name}`)}
<section aria-labelledby="history">
<h2 id="history">History</h2>
${history(view, path, channel)}
</section>
${
  pattern === undefined || versions.length === 0
    ? undefined
    : html`<section aria-labelledby="versions">
<h2 id="versions">Versions</h2>
${releaseTable(view, path, `The versions of ${name}`, versions)}
</section>`
}`,
  };
}

/** Until when the latest step says that it is worth something. Whether that has passed depends on when one reads this. */
function expiry({ steps: [latest] }: SiteChannel): Html | undefined {
  if (latest?.expires === undefined) return undefined;
  return html`<p class="quiet">What it leads to is stated until ${moment(latest.expires)}.</p>`;
}

function history(view: View, path: string, { name, steps, complete }: SiteChannel): Html {
  if (steps.length === 0)
    return html`<p>${complete ? 'Nothing is recorded.' : 'How it came there could not be read.'}</p>`;
  const isSigned = view.site.keys.length > 0 || steps.some(({ signature }) => signature !== 'none');
  const rows = steps.map((entry) => {
    const { step, time, reason, version, digest } = entry;
    const release = view.byDigest.get(digest);
    const what =
      release === undefined
        ? html`${version ?? ''} ${shortDigest(digest)} <span class="quiet">not there any more</span>`
        : releaseLink(view, path, release);
    const how = reason === 'rollback' ? badge('warn', 'Rolled back to') : badge('good', 'Promoted');
    return [`Step ${step}`, how, what, moment(time), ...(isSigned ? [signatureOf(entry)] : [])];
  });
  return html`${table(`What ${name} led to, the latest first`, ['Step', 'What', 'Release', 'When', ...(isSigned ? ['Signed'] : [])], rows)}
${complete ? undefined : html`<p class="quiet">Only the latest ${count(steps.length, 'step')} could be followed.</p>`}`;
}
