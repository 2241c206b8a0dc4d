import type { EngineComparison, SourceChange } from '../engine/index.js';
import { type Html, html, webAddress } from './html.js';
import { badge, table, versionText, webLink } from './pieces.js';
import { count, list } from './words.js';

const changeBadges = {
  added: () => badge('good', 'new'),
  removed: () => badge('bad', 'removed'),
  changed: () => badge('accent', 'changed'),
} as const;

/** How two releases differ, as a table and lists. The script of the page that compares makes the same. */
export function changes(comparison: EngineComparison): Html {
  const changed = comparison.sources.filter(({ change }) => change !== 'same');
  const same = comparison.sources.filter(({ change }) => change === 'same').map(({ source }) => source);
  return html`<div class="changes">
${
  changed.length === 0
    ? html`<p>The components are the same.</p>`
    : table('Components that changed', ['Component', 'What', 'From', 'To', 'Commits'], changed.map(row))
}
${same.length === 0 || changed.length === 0 ? undefined : html`<p class="quiet">Unchanged: ${list(same)}.</p>`}
${(
  [
    ['Parts', comparison.parts],
    ['Environment', comparison.environment],
    ['Commands', comparison.commands],
  ] as const
).map(([title, entries]) =>
  entries.length === 0
    ? undefined
    : html`<h4>${title}</h4><ul class="plain">${entries.map(({ name, change }) => html`<li>${changeBadges[change]()} <code>${name}</code></li>`)}</ul>`,
)}
</div>`;
}

/** What changed, in few words. */
export function summary(comparison: EngineComparison): string {
  const of = (wanted: string) => comparison.sources.filter(({ change }) => change === wanted).length;
  const [changed, added, removed] = [of('changed'), of('added'), of('removed')];
  const words = [
    ...(changed === 0 ? [] : [`${count(changed, 'component')} changed`]),
    ...(added === 0 ? [] : [`${added} new`]),
    ...(removed === 0 ? [] : [`${removed} removed`]),
  ];
  if (words.length > 0) return words.join(', ');
  const others = comparison.parts.length + comparison.environment.length + comparison.commands.length;
  return others === 0 ? 'No change' : 'Same components';
}

function row({ source, change, before, after, compare }: SourceChange): (Html | string)[] {
  const address = compare === null ? undefined : webAddress(compare);
  return [
    source,
    change === 'same' ? '' : changeBadges[change](),
    versionText(before),
    versionText(after),
    address === undefined
      ? html`<span class="quiet">–</span>`
      : webLink(address, html`compare<span class="unseen"> the commits of ${source}</span>`),
  ];
}
