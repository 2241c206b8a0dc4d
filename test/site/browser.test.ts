import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReleaseSite } from '../../src/release/index.js';
import { browserMissing, openPage, startBrowser, type Written, writePages } from './browser.js';
import { hostileSite } from './hostile.js';
import { differencesAsText, focused, lowContrasts, structureFaults } from './in-page.js';
import { sampleSite } from './sample.js';

const forms = {
  'a desktop': {},
  'a dark desktop': { colorScheme: 'dark' },
  'a phone': { viewport: { width: 375, height: 800 } },
  'a small dark phone': { viewport: { width: 320, height: 640 }, colorScheme: 'dark' },
} as const;

describe.skipIf(browserMissing)('the pages in a browser', () => {
  let browser: Browser;
  let site: ReleaseSite;
  let pages: Written;
  let hostile: Written;
  const releasePage = (title: string) =>
    `releases/${site.releases.find((release) => release.title === title)?.digest.slice(7)}.html`;
  const kinds = () => ['index.html', 'all.html', 'compare.html', 'channel-stable.html', releasePage('1.1.0')];

  beforeAll(async () => {
    site = await sampleSite();
    pages = writePages(site);
    hostile = writePages(await hostileSite());
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all([pages?.remove(), hostile?.remove()]);
  });

  for (const [form, options] of Object.entries(forms)) {
    it(`can be read on ${form}, and ask nobody`, async () => {
      const { page, misdeeds, close } = await openPage(browser, pages.address('index.html'), options);
      for (const [written, files] of [
        [pages, kinds()],
        [hostile, 'colorScheme' in options ? [] : hostile.files],
      ] as const) {
        for (const file of files) {
          await page.goto(written.address(file));
          expect([file, await page.evaluate(structureFaults)]).toEqual([file, []]);
          expect([file, await page.evaluate(lowContrasts)]).toEqual([file, []]);
          const { width } = page.viewportSize() ?? { width: 0 };
          const needed = await page.evaluate('document.documentElement.scrollWidth');
          expect([file, needed]).toEqual([file, width]);
          if (written === pages) await shoot(page, `${form}-${file}`);
        }
      }
      expect(misdeeds).toEqual([]);
      await close();
    });
  }

  it('show what comes from registries as text, whatever it is', async () => {
    const { page, misdeeds, close } = await openPage(browser, hostile.address('index.html'));
    const texts: string[] = [];
    for (const file of hostile.files) {
      await page.goto(hostile.address(file));
      if (file === 'compare.html') await page.click('#swap');
      expect([file, await page.evaluate('globalThis.taken')]).toEqual([file, undefined]);
      const foreign = page.locator('main :is(img, svg, script:not(#data), style, link, base, meta)');
      expect([file, await foreign.count()]).toEqual([file, 0]);
      const links: string[] = await page.$$eval('main a', (all) =>
        all.map((link) => (link as unknown as { href: string }).href),
      );
      const ours = `file://${hostile.directory}/`;
      const wrong = links.filter(
        (link) => !link.startsWith(ours) && !/^https:\/\/(?:github|gitlab)\.com\/[\w./-]+$/.test(link),
      );
      expect([file, wrong]).toEqual([file, []]);
      texts.push(await page.innerText('main'));
    }
    const shown = texts.filter((text) => text.includes('<img src=x onerror="globalThis.taken=1">'));
    expect(shown.length).toBeGreaterThan(2);
    expect(texts.join('')).toContain('1.0\\u{202e}0.9');
    expect(misdeeds).toEqual([]);
    await close();
  });

  it('are no way in where something got through: no script but ours runs, nothing is fetched', async () => {
    const { page, close } = await openPage(browser, pages.address('index.html'));
    const blocked: (string | undefined)[] = [];
    page.on('requestfailed', (request) => blocked.push(request.failure()?.errorText));
    page.on('requestfinished', (request) => blocked.push(request.url()));
    const tried = await page.evaluate(`(() => {
      const image = document.createElement('img');
      image.src = 'https://example.com/x.png';
      document.body.append(image);
      const script = document.createElement('script');
      try {
        script.append('globalThis.taken = 2');
        document.body.append(script);
      } catch {}
      try {
        image.outerHTML = '<img src=x onerror="globalThis.taken = 1">';
      } catch {
        return 'refused';
      }
    })()`);
    expect(tried).toBe('refused');
    await expect.poll(() => blocked).toEqual(['csp']);
    expect(await page.evaluate('globalThis.taken')).toBeUndefined();
    await close();
  });

  it('can be walked with the keyboard alone, and one sees where one is', async () => {
    const { page, misdeeds, close } = await openPage(browser, pages.address('index.html'));
    await page.keyboard.press('Tab');
    expect(await page.evaluate(focused)).toMatchObject({ name: 'Skip to the content', visible: true });
    await page.keyboard.press('Enter');
    expect((await page.evaluate(focused)).tag).toBe('MAIN');
    for (const file of ['channel-stable.html', 'compare.html', releasePage('1.1.0')]) {
      await page.goto(pages.address(file));
      const wanted = await page.locator('a:visible, button:visible, input:visible, select:visible').count();
      const stops = [];
      for (let at = 0; at < wanted; at++) {
        await page.keyboard.press('Tab');
        stops.push(await page.evaluate(focused));
      }
      expect(stops.filter(({ visible }) => !visible)).toEqual([]);
      const places = stops.map(({ at }) => at);
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    }
    expect(misdeeds).toEqual([]);
    await close();
  });

  it('copy a command by the keyboard, and say so', async () => {
    const options = { permissions: ['clipboard-read', 'clipboard-write'] };
    const { page, misdeeds, close } = await openPage(browser, pages.address(releasePage('1.1.0')), options);
    await page.getByRole('button', { name: 'Copy: This version' }).focus();
    await page.keyboard.press('Enter');
    const command = 'engineshed install registry.example.com/acme/train:1.1.0';
    await page.getByText(`Copied: ${command}`).waitFor({ state: 'attached' });
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(command);
    await page.getByRole('button', { name: 'Copy: Digest' }).press('Space');
    await page.getByText('Copied: sha256:').waitFor({ state: 'attached' });
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(misdeeds).toEqual([]);
    await close();
  });

  it('select the command where the clipboard is not allowed', async () => {
    const { page, close } = await openPage(browser, pages.address('index.html'));
    await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined });
      document.execCommand = () => false`);
    await page.getByRole('button', { name: 'Copy: Install stable' }).press('Enter');
    await page.getByText('The browser does not allow copying.').waitFor({ state: 'attached' });
    expect(await page.evaluate('String(getSelection())')).toContain('acme/train:latest');
    await close();
  });

  it('tell the differences between any two releases as their own pages do', async () => {
    const { page, misdeeds, close } = await openPage(browser, pages.address(releasePage('1.1.0')));
    const told = await page.evaluate(differencesAsText, '.changes');
    expect(told.length).toBeGreaterThan(3);
    await page.getByRole('link', { name: 'Compare with another release' }).press('Enter');
    await page.waitForURL(/compare\.html#to=/);
    expect(await page.locator('#from option:checked').innerText()).toBe('1.0.0, 7 Jan 2026');
    expect(await page.evaluate(differencesAsText, '#differences')).toEqual(told);
    // Chosen with the keyboard; the address says what was chosen.
    await page.locator('#to').focus();
    await page.keyboard.press('ArrowUp');
    await page
      .getByText('From 1.0.0 to 1.2.0: 3 components changed, 1 new, 1 removed')
      .waitFor({ state: 'attached' });
    const address = page.url();
    const shown = await page.evaluate(differencesAsText, '#differences');
    expect(shown.join('\n')).toContain('TRAIN_PLUGINS');
    await page.getByRole('button', { name: 'Swap' }).press('Enter');
    await page.getByText('From 1.2.0 to 1.0.0').waitFor({ state: 'attached' });
    await page.goto('about:blank');
    await page.goto(address);
    expect(await page.evaluate(differencesAsText, '#differences')).toEqual(shown);
    expect(misdeeds).toEqual([]);
    await close();
  });

  it('narrow a long list down while one types', async () => {
    const { page, close } = await openPage(browser, pages.address('all.html'));
    await page.getByLabel('Show only those with').fill('night 2026011 failed');
    await page.getByText('1 of 6 shown').waitFor({ state: 'attached' });
    expect(await page.locator('tbody tr:visible').innerText()).toContain('night-20260111');
    await close();
  });

  it('say all that without JavaScript, too', async () => {
    const options = { javaScriptEnabled: false };
    const { page, misdeeds, close } = await openPage(browser, pages.address('index.html'), options);
    for (const file of kinds()) {
      await page.goto(pages.address(file));
      expect(await page.locator('button:visible, select:visible, input:visible').count()).toBe(0);
      const text = await page.innerText('main');
      if (file === 'compare.html') expect(text).toContain('needs JavaScript');
      if (!file.startsWith('releases/')) continue;
      for (const word of ['Since 1.0.0', 'plugin-azure', 'compare', 'It passed all tests', 'Not signed'])
        expect(text).toContain(word);
      await page.locator('header a').first().click();
      await page.waitForURL(/index\.html$/);
    }
    expect(misdeeds).toEqual([]);
    await close();
  });

  it('do not move for who wants no motion, and print what is worth paper', async () => {
    const { page, close } = await openPage(browser, pages.address(releasePage('1.1.0')), {
      reducedMotion: 'reduce',
    });
    const motion = await page.evaluate(
      "[getComputedStyle(document.documentElement).scrollBehavior, getComputedStyle(document.querySelector('main a')).transitionDuration]",
    );
    expect(motion).toEqual(['auto', '0s']);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.locator('nav:visible, .copy:visible').count()).toBe(0);
    expect(await page.evaluate(lowContrasts)).toEqual([]);
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
    await close();
  });
});

/** With ENGINESHED_SCREENSHOTS, what the pages look like is kept there. */
async function shoot(page: Page, name: string): Promise<void> {
  const directory = process.env.ENGINESHED_SCREENSHOTS;
  if (directory === undefined) return;
  const file = name.replace(/[^a-z0-9]+/gi, '-').slice(0, 60);
  await page.screenshot({ path: `${directory}/${file}.png`, fullPage: true });
}
