import { describe, expect, it } from 'vitest';
import { memoryTarget } from '../../src/content/index.js';
import type { ChannelInputs, ReleaseSite } from '../../src/release/index.js';
import { readSiteAssets, renderSite } from '../../src/site/index.js';
import { type ReadPolicy, type SigningKey, signImage, type TrustedKey } from '../../src/trust/index.js';
import { readPolicyOf } from '../support/policies.js';
import { newKey } from '../support/signing.js';
import { collectSample, lead, pushRelease, recordTests, sampleChannels } from './sample.js';

/** What a page says, as text. */
function textOf(site: ReleaseSite, page: RegExp): string {
  const [file] = [...renderSite(site, readSiteAssets())].filter(({ path }) => page.test(path));
  const main = file?.text.replace(/^.*<main/s, '').replace(/<\/main>.*$/s, '') ?? '';
  return main.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
}

/** A release that some keys signed, with the step of its channel; as it is told of with others. */
async function signedSite(
  by: readonly SigningKey[],
  checkedWith: readonly TrustedKey[],
): Promise<ReleaseSite> {
  const target = memoryTarget();
  const channels = sampleChannels([], ['1.0.0']);
  const [stable] = channels as [ChannelInputs];
  const subject = await pushRelease(target, { components: { engine: {} } }, '2026-01-01T00:00:00Z');
  for (const key of by) {
    await signImage(target, { subject, name: 'acme/train', created: '2026-01-01T00:00:00Z', key });
    await lead(target, stable, subject, '1.0.0', '2026-01-02T00:00:00Z', 'promote', key);
  }
  if (by.length === 0) await lead(target, stable, subject, '1.0.0', '2026-01-02T00:00:00Z');
  return collectSample(target, channels, 10, checkedWith);
}

const [ours, theirs] = [newKey('/home/ada/keys/acme.pub'), newKey('theirs.pub')];

describe('who signed a release', () => {
  it('is told by the key that checked it, named without its directory', async () => {
    const site = await signedSite([ours], [ours.public]);
    const text = textOf(site, /^releases/);
    expect(text).toContain(`Signed Checked with the key acme.pub ( ${ours.public.id.slice(0, 12)} )`);
    expect(text).not.toContain('ada');
    expect(textOf(site, /^channel-stable/)).toContain('checked by acme.pub');
    expect(JSON.stringify(site.keys)).toBe(JSON.stringify([{ id: ours.public.id, name: 'acme.pub' }]));
  });

  it('is not known without a key, and that is said, not who it claims to be', async () => {
    const site = await signedSite([ours], []);
    const text = textOf(site, /^releases/);
    expect(text).toContain('Not checked 1 signature is attached. No key was given');
    expect(text).not.toContain(ours.public.id.slice(0, 12));
    expect(textOf(site, /^channel-stable/)).toContain('not checked');
    expect(textOf(site, /^index/)).not.toContain('Signed');
  });

  it('F01 is nobody whom the keys do not know, whatever is attached', async () => {
    const site = await signedSite([theirs], [ours.public]);
    const text = textOf(site, /^releases/);
    expect(text).toContain('Not by a known key 1 signature is attached, none by acme.pub');
    expect(text).not.toContain('Checked with');
    const both = await signedSite([ours, theirs], [ours.public]);
    expect(textOf(both, /^releases/)).toContain('1 signature more by other keys: not checked');
  });

  it('is said where nobody did', async () => {
    const site = await signedSite([], [ours.public]);
    expect(textOf(site, /^releases/)).toContain('Not signed No signature is attached; the keys acme.pub');
    expect(textOf(site, /^channel-stable/)).toMatch(/Promoted 1\.0\.0 .* no /);
  });
});

describe('who signed the result of tests', () => {
  const policy = readPolicyOf([ours], { name: 'acme', file: '/home/ada/engineshed.toml' });

  /** What the page of a release says of its tests, where these signed a result; undefined for nobody. */
  async function told(
    by: readonly (SigningKey | undefined)[],
    policies: readonly ReadPolicy[],
    failed: readonly string[] = [],
  ): Promise<{ readonly page: string; readonly index: string }> {
    const target = memoryTarget();
    const channels = sampleChannels([], ['1.0.0']);
    const subject = await pushRelease(target, { components: { engine: {} } }, '2026-01-01T00:00:00Z');
    for (const [at, key] of by.entries())
      await recordTests(target, subject, `2026-01-0${at + 1}T00:00:00Z`, failed, key);
    await lead(target, channels[0] as ChannelInputs, subject, '1.0.0', '2026-01-02T00:00:00Z');
    const site = await collectSample(target, channels, 10, [ours.public], policies);
    return { page: textOf(site, /^releases/), index: textOf(site, /^index/) };
  }

  it('F01 is judged as a promotion does: under a policy only its keys count', async () => {
    const passed = 'It passed all tests that there are now.';
    const signed = await told([ours], [policy]);
    expect(signed.page).toContain(passed);
    expect(signed.page).toContain(`checked by acme.pub ( ${ours.public.id.slice(0, 12)} )`);
    for (const by of [[undefined], [theirs], [undefined, theirs]]) {
      const { page, index } = await told(by, [policy]);
      expect(page).not.toContain(passed);
      expect(page).toContain('says passed, and it does not count: no key of the policy acme signed it.');
      expect(page).not.toContain('ada');
      expect(index).toContain('Tests not signed');
      expect((await told(by, [])).page).toContain(passed);
    }
    expect((await told([ours, theirs], [policy], ['installs'])).page).toContain('It failed installs.');
  });

  it('F03 is known however many others attach', async () => {
    const by = [ours, ...Array<undefined>(201).fill(undefined)];
    expect((await told(by, [policy])).page).toContain('It passed all tests that there are now.');
    expect((await told(by, [])).page).toContain('Nothing is known of tests.');
  });

  it('is said of each, and nothing where nobody signs', async () => {
    const { page } = await told([ours, theirs, undefined], [policy]);
    expect(page).toMatch(/Signed: no .*Signed: ! not checked .*Signed: ✓ checked by acme\.pub/);
    expect((await told([undefined], [])).page).not.toContain('Signed:');
  });
});
