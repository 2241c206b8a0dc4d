import type { ChannelStep, SiteChannel } from '../release/index.js';
import type { Page } from './frame.js';
import { type Html, html } from './html.js';
import { channelCommand } from './install.js';
import { badge, copyable, shortDigest, testBadge } from './pieces.js';
import { releaseTable } from './release-table.js';
import { addresses, predecessors, type View } from './view.js';
import { count, day } from './words.js';

/** How many of the newest releases the first page has. */
const newest = 12;

/** The first page: where each channel leads, and the newest releases. */
export function indexPage(view: View): Page {
  const { site, paths } = view;
  const to = addresses(paths.index);
  const { engine, description, channels, releases, unreadable, omitted } = site;
  return {
    path: paths.index,
    title: `Releases of ${engine}`,
    body: html`<div class="hero">
<h1>${engine}</h1>
${description === '' ? undefined : html`<p class="lead">${description}</p>`}
<p class="quiet">${count(releases.length, 'release')} in ${count(channels.length, 'channel')}, kept in <code>${site.place}</code>.${
      omitted === 0 ? undefined : ` ${count(omitted, 'older release')} left out.`
    }</p>
</div>
<section aria-labelledby="channels">
<h2 id="channels">Channels</h2>
${channels.length === 0 ? html`<p>There are no channels yet.</p>` : html`<div class="cards">${channels.map((channel) => channelCard(view, channel))}</div>`}
</section>
<section aria-labelledby="newest">
<h2 id="newest">Newest releases</h2>
${
  releases.length === 0
    ? html`<p>There are no releases yet.</p>`
    : html`${releaseTable(view, paths.index, 'The newest releases', releases.slice(0, newest))}
<p class="more"><a href="${to(paths.all)}">All ${count(releases.length, 'release')}</a> <a href="${to(paths.compare)}">Compare any two</a></p>`
}
</section>
${
  unreadable.length === 0
    ? undefined
    : html`<section aria-labelledby="unreadable">
<h2 id="unreadable">What cannot be shown</h2>
<ul class="faults">${unreadable.map(({ digest, tags, fault }) => html`<li><strong>${tags.length === 0 ? shortDigest(digest) : tags.join(', ')}</strong> ${fault}</li>`)}</ul>
</section>`
}`,
  };
}

function channelCard(view: View, channel: SiteChannel): Html {
  const { name, tag, digest, steps } = channel;
  const { paths, byDigest } = view;
  const to = addresses(paths.index);
  const history = html`<a href="${to(paths.channels.get(name) ?? paths.index)}">History<span class="unseen"> of ${name}</span></a>`;
  const release = digest === undefined ? undefined : byDigest.get(digest);
  if (release === undefined)
    return html`<article class="card"><h3>${name}</h3>
<p class="quiet">${digest === undefined ? 'Leads nowhere yet.' : html`Leads to ${shortDigest(digest)}, which cannot be shown.`}</p>
<p class="more">${history}</p></article>`;
  const [before] = predecessors(view, release).filter(({ channels }) => channels.includes(name));
  const [step] = steps;
  return html`<article class="card"><h3>${name}</h3>
<p class="big"><a href="${to(paths.release(release.digest))}">${titleIn(channel, release)}</a></p>
<p class="facts">${backFrom(view, step)} ${testBadge(release)} <span class="quiet">since ${day(step?.time ?? release.time)}</span></p>
${copyable(channelCommand(view.site, tag), `Install ${name}`)}
<p class="more">${history}${
    before === undefined
      ? undefined
      : html` <a href="${to(paths.release(release.digest), 'changes')}">Changes since ${before.release.title}</a>`
  }</p></article>`;
}

/** What the channel was led back from, where it was. */
function backFrom({ byDigest }: View, step: ChannelStep | undefined): Html | undefined {
  if (step?.reason !== 'rollback') return undefined;
  const from = step.previous === undefined ? undefined : byDigest.get(step.previous.digest);
  return badge('warn', from === undefined ? 'Led back' : `Back from ${from.title}`);
}

/** What a release is called in a channel. */
function titleIn({ name }: SiteChannel, { names, title }: View['site']['releases'][number]): string {
  return names.find(({ channel }) => channel === name)?.tag ?? title;
}
