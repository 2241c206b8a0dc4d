import { readFileSync } from 'node:fs';
import type { SiteAssets } from './frame.js';

/** Reads the style and the scripts that are part of this program. */
export function readSiteAssets(): SiteAssets {
  // The command line is one file in another directory beside ours.
  const read = (name: string) => readFileSync(new URL(`../site/browser/${name}`, import.meta.url), 'utf8');
  return {
    style: read('site.css'),
    common: read('common.js'),
    filter: read('filter.js'),
    compare: read('compare.js'),
  };
}
