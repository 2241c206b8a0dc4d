import { existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { removeTree } from '../../src/layer/remove.js';
import type { ReleaseSite } from '../../src/release/index.js';
import { readSiteAssets, renderSite } from '../../src/site/index.js';
import { peersRequired } from '../support/peers.js';

const program = '/usr/bin/chromium';

/** Whether the tests in a browser are to be skipped. */
export const browserMissing = !peersRequired && !existsSync(program);

/** Starts a browser; there is one for a file of tests. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Pages on the disk. */
export interface Written {
  readonly directory: string;
  readonly files: readonly string[];
  address(file: string): string;
  remove(): Promise<void>;
}

/** Writes the pages of a site to a directory of their own. */
export function writePages(site: ReleaseSite): Written {
  const directory = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-site-`));
  const files: string[] = [];
  for (const { path, text } of renderSite(site, readSiteAssets())) {
    mkdirSync(dirname(`${directory}/${path}`), { recursive: true });
    writeFileSync(`${directory}/${path}`, text);
    files.push(path);
  }
  const address = (file: string) => pathToFileURL(`${directory}/${file}`).href;
  return { directory, files, address, remove: () => removeTree(directory) };
}

/** What a page did that it must not do: messages, errors, dialogs, requests that leave the directory. */
export type Misdeeds = string[];

/** Opens a page; what it must not do is in `misdeeds` as it happens. */
export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; misdeeds: Misdeeds; close(): Promise<void> }> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  const misdeeds: Misdeeds = [];
  page.on('console', (message) => misdeeds.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => misdeeds.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    misdeeds.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!/^(?:file|data):/.test(request.url())) misdeeds.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  return { page, misdeeds, close: () => context.close() };
}
