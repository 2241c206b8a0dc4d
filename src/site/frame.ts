import { createHash } from 'node:crypto';
import { Address, type Html, html, pageAddress, trusted } from './html.js';
import { addresses, type View } from './view.js';

/** Our own style and scripts, which pages have inside. */
export interface SiteAssets {
  readonly style: string;
  /** The script of every page. */
  readonly common: string;
  /** Scripts that single pages have too. */
  readonly filter: string;
  readonly compare: string;
}

/** What a page is, without its frame. */
export interface Page {
  /** Its file, relative to the directory of the site. */
  readonly path: string;
  readonly title: string;
  readonly body: Html;
  /** The script that it has beside the common one. */
  readonly script?: 'filter' | 'compare';
}

/** Two waggons. */
const mark =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">' +
  '<rect width="32" height="32" rx="8" fill="currentcolor"/>' +
  '<path fill="#fff" d="M6 20v-9h9v9zm11 0v-9h9v9z"/>' +
  '<circle cx="10.500" cy="23" r="2.200" fill="#fff"/><circle cx="21.500" cy="23" r="2.200" fill="#fff"/></svg>';

/** The same as an image that is no request. */
const icon = new Address(`data:image/svg+xml,${encodeURIComponent(mark.replace('currentcolor', '#2a4bb0'))}`);

/** A whole page: nothing in it makes a request, and nothing runs but our own scripts. */
export function frame({ site, paths }: View, assets: SiteAssets, page: Page): string {
  const { path, title, body } = page;
  const { style } = assets;
  const script = page.script === undefined ? assets.common : `${assets.common}${assets[page.script]}`;
  const to = addresses(path);
  const places = [
    [paths.index, 'Overview'],
    [paths.all, 'All releases'],
    [paths.compare, 'Compare'],
  ] as const;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(style, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="${pageAddress('#content')}">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="${to(paths.index)}">${trusted(mark)}${site.engine}</a>
<nav aria-label="Pages"><ul>${places.map(([file, text]) => html`<li><a href="${to(file)}"${file === path ? trusted(' aria-current="page"') : undefined}>${text}</a></li>`)}</ul></nav>
</div></header>
<main id="content" class="wide" tabindex="-1">
${body}
</main>
<footer class="wide"><p>Written by <code>engineshed release site</code> from what ${site.place} holds. Times and test results are as those say who recorded them.</p></footer>
<div id="said" class="unseen" role="status" aria-live="polite"></div>
<script>${trusted(script)}</script>
</body>
</html>
`.text;
}

function policy(style: string, script: string): string {
  return [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
