import type { ReleaseSite, SiteKey, SiteRelease, SiteStep } from '../release/index.js';
import { type Html, html } from './html.js';
import { badge, copyable } from './pieces.js';
import { count, list } from './words.js';

/** That a release is signed, where that was checked; nothing else is worth a badge. */
export function signatureBadge({ attached }: SiteRelease): Html | undefined {
  return attached.signers.length === 0 ? undefined : badge('good', 'Signed');
}

/** Who signed a release, as far as that was checked, and how to check it oneself; and where its bill of materials is. */
export function trust(site: ReleaseSite, { digest, attached }: SiteRelease): Html {
  const reference = `${site.place}@${digest}`;
  return html`<p>${signatures(site, attached)}</p>
<p class="quiet">${
    attached.signers.length === 0
      ? undefined
      : 'Who reads this page has its word for that. To check it on your own machine, with a key that you have from its publisher:'
  }</p>
${attached.signers.length === 0 ? undefined : copyable(`engineshed trust verify ${reference} --key FILE`, 'Check the signature')}
<h3>Bill of materials</h3>
<p class="quiet">${attached.hasBill ? 'A list of all components and files (SPDX) is attached to the release.' : 'A list of all components and files (SPDX) is made from the release itself.'}</p>
${copyable(`engineshed release sbom ${reference}`, 'Print the bill of materials')}`;
}

/** Who signed a step of a channel or a test result. Only a key that was given says who it was. */
export function signatureOf({ signature, signers }: Pick<SiteStep, 'signature' | 'signers'>): Html {
  if (signature === 'known') return html`${badge('good', 'checked')} by ${keyNames(signers)}`;
  return signature === 'unknown' ? badge('warn', 'not checked') : html`<span class="quiet">no</span>`;
}

function signatures({ keys }: ReleaseSite, { signers, unchecked }: SiteRelease['attached']): Html {
  if (signers.length > 0)
    return html`${badge('good', 'Signed')} Checked with ${signers.length === 1 ? 'the key' : 'the keys'} ${keyNames(signers)} when this page was written.${
      unchecked === undefined || unchecked === 0
        ? undefined
        : html` ${count(unchecked, 'signature')} more by other keys: not checked.`
    }`;
  if (unchecked === undefined)
    return html`${badge('warn', 'Not checked')} More is attached than anybody reads.`;
  if (unchecked === 0)
    return html`${badge('plain', 'Not signed')} No signature is attached${keys.length === 0 ? undefined : html`; the keys ${keyNames(keys)} were looked for`}.`;
  const is = unchecked === 1 ? 'is' : 'are';
  return keys.length === 0
    ? html`${badge('warn', 'Not checked')} ${count(unchecked, 'signature')} ${is} attached. No key was given to check with, so nothing is known of who signed.`
    : html`${badge('bad', 'Not by a known key')} ${count(unchecked, 'signature')} ${is} attached, none by ${keyNames(keys)}.`;
}

/** Keys by their names, each with the beginning of its id, for two files may have one name. */
function keyNames(keys: readonly SiteKey[]): Html {
  return list(
    keys.map(
      ({ id, name }) => html`<strong>${name}</strong> (<code title="${id}">${id.slice(0, 12)}</code>)`,
    ),
  );
}
