import { versionOf } from '../engine/index.js';
import type { SiteRelease } from '../release/index.js';
import { changes } from './changes.js';
import type { Page } from './frame.js';
import { type Html, html } from './html.js';
import { installations } from './install.js';
import { badge, copyable, revisionText, shortDigest, table, testBadge } from './pieces.js';
import { releaseLink } from './release-table.js';
import { tests } from './tests.js';
import { signatureBadge, trust } from './trust.js';
import {
  addresses,
  differences,
  leadingTo,
  predecessors,
  successors,
  takenBackFrom,
  type View,
} from './view.js';
import { count, day, list } from './words.js';

/** A release: how to get it, what changed, what is in it, what is known of it. */
export function releasePage(view: View, release: SiteRelease): Page {
  const { site, paths } = view;
  const { digest, title, engine } = release;
  const path = paths.release(digest);
  const to = addresses(path);
  return {
    path,
    title: `${title}: a release of ${site.engine}`,
    body: html`<p class="kind">Release</p>
<h1>${title}</h1>
${standing(view, path, release)}
<section aria-labelledby="install">
<h2 id="install">Install</h2>
${installations(site, release).map(
  ({ title, note, command }) =>
    html`<div class="way"><h3>${title}</h3><p class="quiet">${note}</p>${copyable(command, title)}</div>`,
)}
</section>
<section aria-labelledby="changes">
<h2 id="changes">What changed</h2>
${whatChanged(view, path, release)}
<p class="more"><a href="${to(paths.compare, `to=${digest.slice(digest.indexOf(':') + 1)}`)}">Compare with another release</a></p>
</section>
<section aria-labelledby="components">
<h2 id="components">Components</h2>
${components(engine)}
</section>
<section aria-labelledby="tests">
<h2 id="tests">Tests</h2>
${tests(release)}
</section>
<section aria-labelledby="trust">
<h2 id="trust">Trust</h2>
${trust(site, release)}
</section>
${neighbours(view, path, release)}`,
  };
}

/** The releases before and after, in each channel. */
function neighbours(view: View, path: string, release: SiteRelease): Html | undefined {
  const links = [
    ...predecessors(view, release).map((other) => ['Older', other] as const),
    ...successors(view, release).map((other) => ['Newer', other] as const),
  ];
  if (links.length === 0) return undefined;
  return html`<nav class="neighbours" aria-label="Releases before and after"><ul>${links.map(
    ([which, { release: other, channels }]) =>
      html`<li><span class="quiet">${which} in ${list(channels)}</span> ${releaseLink(view, path, other)}</li>`,
  )}</ul></nav>`;
}

function standing(view: View, path: string, release: SiteRelease): Html {
  const { paths } = view;
  const to = addresses(path);
  const { digest, title, names, time, engine } = release;
  const leading = leadingTo(view, release).map(
    ({ name }) => html`<a href="${to(paths.channels.get(name) ?? paths.index)}">${name}</a>`,
  );
  const back = takenBackFrom(view, release);
  const others = names.filter(({ tag }) => tag !== title).map(({ tag }) => html`<code>${tag}</code>`);
  return html`<p class="facts">${leadingTo(view, release).map(({ name }) => badge('accent', `Current in ${name}`))}${back.map(
    ({ channel }) => badge('warn', `Taken back in ${channel.name}`),
  )}${testBadge(release)}${signatureBadge(release)}</p>
<dl class="facts">
${leading.length === 0 ? undefined : html`<div><dt>Current in</dt><dd>${list(leading)}</dd></div>`}
${back.map(({ channel, time }) => html`<div><dt>Taken back</dt><dd>${day(time)}, in <a href="${to(paths.channels.get(channel.name) ?? paths.index)}">${channel.name}</a></dd></div>`)}
<div><dt>Released</dt><dd>${day(time)}</dd></div>
${others.length === 0 ? undefined : html`<div><dt>Also called</dt><dd>${list(others)}</dd></div>`}
<div><dt>Made of</dt><dd>${count(Object.keys(engine.sources).length, 'component')}</dd></div>
<div class="long"><dt>Digest</dt><dd>${copyable(digest, 'Digest')}</dd></div>
</dl>`;
}

function whatChanged(view: View, path: string, release: SiteRelease): Html {
  const before = predecessors(view, release);
  if (before.length === 0) return html`<p>Nothing is known that came before it.</p>`;
  return html`${before.map(
    ({
      release: earlier,
      channels,
    }) => html`<h3>Since ${releaseLink(view, path, earlier)}, in ${list(channels)}</h3>
${changes(differences(earlier, release))}`,
  )}`;
}

function components({ sources }: SiteRelease['engine']): Html {
  return table(
    'The components',
    ['Component', 'Version', 'Commit', 'Image', 'From'],
    Object.entries(sources).map(([name, source]) => {
      const version = versionOf(source);
      return [
        name,
        version.version === null
          ? html`<span class="quiet">–</span>`
          : html`<span class="version">${version.version}</span>`,
        revisionText(version),
        source.kind === 'directory' ? '' : shortDigest(source.manifest.digest),
        html`<code>${version.from}</code>`,
      ];
    }),
  );
}
