import type { Page } from './frame.js';
import { html } from './html.js';
import { releaseTable } from './release-table.js';
import type { View } from './view.js';
import { count } from './words.js';

/** All releases. The field that narrows them down comes with the script. */
export function allPage(view: View): Page {
  const { site, paths } = view;
  const { engine, releases, omitted } = site;
  return {
    path: paths.all,
    script: 'filter',
    title: `All releases of ${engine}`,
    body: html`<h1>All releases</h1>
<p class="lead">${count(releases.length, 'release')} of ${engine}, the newest first.${
      omitted === 0 ? undefined : ` ${count(omitted, 'older release')} left out.`
    }</p>
${
  releases.length === 0
    ? undefined
    : html`<div class="filter" data-filter hidden><label for="filter">Show only those with</label><input id="filter" type="search" autocomplete="off" spellcheck="false"></div>
${releaseTable(view, paths.all, 'All releases', releases)}`
}`,
  };
}
