import { isRevision, type SourceVersion, sourceSite } from '../engine/index.js';
import { type Digest, digestHex } from '../oci/index.js';
import type { SiteRelease } from '../release/index.js';
import { type Address, type Html, html, webAddress } from './html.js';

/** How a badge is meant; each has a sign too, for who does not see colours. */
export type Tone = 'good' | 'bad' | 'warn' | 'plain' | 'accent';

const signs: Record<Tone, string> = { good: '✓', bad: '✕', warn: '!', plain: '–', accent: '●' };

/** A few words in a frame. */
export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${signs[tone]}</span> ${text}</span>`;
}

/** What the tests said of a release, in few words. */
export function testBadge({ tests }: SiteRelease): Html {
  const { verdict, records } = tests;
  if (verdict?.kind === 'passed') return badge('good', 'Tests passed');
  if (verdict?.kind === 'failed') return badge('bad', 'Tests failed');
  if (verdict?.kind === 'unsigned') return badge('warn', 'Tests not signed');
  if (verdict?.kind === 'other-tests' || (verdict === undefined && records.length > 0))
    return badge('warn', 'Other tests');
  return badge('plain', 'Not tested');
}

/** A command or a reference, with a button that copies it. The button comes with the script. */
export function copyable(text: string, what: string): Html {
  // A line ends between words, or after a slash in one that is longer than a line; never after a hyphen.
  const words = text.split(' ').map((word, at) => {
    const pieces = word.split(/(?<=\/)/).map((piece, at) => html`${at === 0 ? '' : html`<wbr>`}${piece}`);
    return html`${at === 0 ? '' : ' '}<span>${pieces}</span>`;
  });
  return html`<div class="copyable"><pre><code>${words}</code></pre><button type="button" class="copy" data-copy="${text}" aria-label="Copy: ${what}" hidden>Copy</button></div>`;
}

/** A digest that is cut where nobody reads on, whole for who copies it. */
export function shortDigest(digest: Digest): Html {
  return html`<code class="digest" title="${digest}">${digestHex(digest).slice(0, 12)}</code>`;
}

/** A link to a page of somebody else. */
export function webLink(address: Address, text: Html | string): Html {
  return html`<a href="${address}" rel="noopener noreferrer external">${text}</a>`;
}

/** A component's version and the commit that it is of, with a link to it where its site is known. */
export function versionText(version: SourceVersion | null): Html {
  if (version === null) return html`<span class="quiet">–</span>`;
  const { version: name, revision, digest, from } = version;
  const parts = [
    ...(name === null ? [] : [html`<span class="version">${name}</span>`]),
    ...(revision === null ? [] : [revisionText(version)]),
  ];
  if (parts.length > 0) return html`${parts.map((part, at) => [at === 0 ? '' : ' ', part])}`;
  return digest === null ? html`${from}` : shortDigest(digest);
}

/** The commit that a component is of. */
export function revisionText({ revision, repository }: SourceVersion): Html {
  if (revision === null) return html`<span class="quiet">–</span>`;
  if (!isRevision(revision)) return html`<code>${revision}</code>`;
  const short = html`<code title="${revision}">${revision.slice(0, 10)}</code>`;
  const address = webAddress(sourceSite(repository)?.commit.replace('{revision}', revision) ?? '');
  return address === undefined ? short : webLink(address, short);
}

/** A table that becomes a list of cards where it would not fit. The roles keep it a table for screen readers then. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Html | string)[])[],
): Html {
  return html`<table role="table"><caption class="unseen">${caption}</caption>
<thead role="rowgroup"><tr role="row">${heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">
${rows.map(
  (cells) => html`<tr role="row">${cells.map((cell, at) =>
    at === 0
      ? html`<th role="rowheader" scope="row">${cell}</th>`
      : html`<td role="cell" data-head="${heads[at]}"><div>${cell}</div></td>`,
  )}</tr>
`,
)}</tbody></table>`;
}
