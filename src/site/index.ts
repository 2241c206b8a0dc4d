import type { ReleaseSite } from '../release/index.js';
import { allPage } from './all-page.js';
import { channelPage } from './channel-page.js';
import { comparePage } from './compare-page.js';
import { frame, type Page, type SiteAssets } from './frame.js';
import { indexPage } from './index-page.js';
import { releasePage } from './release-page.js';
import { viewOf } from './view.js';

export { readSiteAssets } from './assets.js';
export type { SiteAssets } from './frame.js';

/** A file of a site. */
export interface SiteFile {
  /** Relative to the directory of the site, with `/`. */
  readonly path: string;
  readonly text: string;
}

/**
 * The pages of a site, one after the other, so that they need not be in memory together. The same data gives the same pages.
 */
export function* renderSite(site: ReleaseSite, assets: SiteAssets): Generator<SiteFile, void, undefined> {
  const view = viewOf(site);
  const file = (page: Page): SiteFile => ({ path: page.path, text: frame(view, assets, page) });
  yield file(indexPage(view));
  yield file(allPage(view));
  yield file(comparePage(view));
  for (const channel of site.channels) yield file(channelPage(view, channel));
  for (const release of site.releases) yield file(releasePage(view, release));
}
