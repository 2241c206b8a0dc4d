import { compareData } from './compare-data.js';
import type { Page } from './frame.js';
import { html, jsonData } from './html.js';
import { addresses, type View } from './view.js';

/** The page that tells the differences between any two releases. Choosing takes the script; without it, each release tells its own. */
export function comparePage(view: View): Page {
  const { site, paths } = view;
  const to = addresses(paths.compare);
  return {
    path: paths.compare,
    script: 'compare',
    title: `Compare releases of ${site.engine}`,
    body: html`<h1>Compare two releases</h1>
<p class="lead">Which components came, went and moved between any two releases.</p>
<div data-without-script>
<p>Choosing two releases needs JavaScript. Without it, the page of each release tells what changed since the one before:</p>
<p class="more"><a href="${to(paths.all)}">All releases</a></p>
</div>
<div data-picker hidden>
<div class="picker">
<div><label for="from">From</label><select id="from"></select></div>
<button type="button" id="swap">Swap</button>
<div><label for="to">To</label><select id="to"></select></div>
</div>
<section aria-labelledby="result">
<h2 id="result">Differences</h2>
<div id="differences" class="changes"></div>
</section>
</div>
<script type="application/json" id="data">${jsonData(compareData(view))}</script>`,
  };
}
