import { expect, it } from 'vitest';
import type { ChannelInputs } from '../../src/release/index.js';
import { signImage } from '../../src/trust/index.js';
import { readPolicyOf } from '../support/policies.js';
import { scripted, target as targetIn } from '../support/registry-client.js';
import { newKey } from '../support/signing.js';
import { collectSample, lead, pushRelease, recordTests, sampleChannels } from './sample.js';

const key = newKey('acme.pub');

/** What is asked of a registry for so many releases, each with a signature, a step and these results of its tests. */
async function requestsFor(releases: number, results: readonly ('plain' | 'signed')[]): Promise<string[]> {
  const registry = await scripted();
  const target = targetIn(registry);
  const versions = Array.from({ length: releases }, (_, at) => `1.${at}.0`);
  const channels = sampleChannels([], versions.toReversed());
  const [stable] = channels as [ChannelInputs];
  for (const [at, version] of versions.entries()) {
    const time = (hour: number) => new Date(Date.UTC(2026, 0, 1 + at, hour)).toISOString();
    const release = await pushRelease(target, { components: { engine: { version } } }, time(0));
    await signImage(target, { subject: release, name: 'acme/train', created: time(1), key });
    for (const [hour, kind] of results.entries())
      await recordTests(target, release, time(2 + hour), [], kind === 'signed' ? key : undefined);
    await lead(target, stable, release, version, time(9), 'promote', key);
  }
  registry.requests.length = 0;
  const place = targetIn(registry);
  const site = await collectSample(place, channels, 1000, [key.public], [readPolicyOf([key])]);
  expect(site.releases).toHaveLength(releases);
  for (const { tests, attached } of site.releases) {
    expect(tests.verdict?.kind).toBe(results.includes('signed') ? 'passed' : 'unsigned');
    expect(tests.records).toHaveLength(results.length);
    expect(attached.signers).toHaveLength(1);
  }
  return registry.log;
}

it('asks for each manifest, list and statement once, however often it is looked at', async () => {
  for (const results of [['plain'], ['signed', 'plain'], ['signed', 'signed']] as const) {
    const log = await requestsFor(3, results);
    const twice = log.filter((line, at) => log.indexOf(line) !== at);
    expect(twice, results.join()).toEqual([]);
  }
});
