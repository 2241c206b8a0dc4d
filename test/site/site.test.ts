import { describe, expect, it } from 'vitest';
import { memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { EngineshedError } from '../../src/errors/index.js';
import { buildImage, type Descriptor } from '../../src/oci/index.js';
import type { ChannelInputs, ReleaseSite } from '../../src/release/index.js';
import { readSiteAssets, renderSite } from '../../src/site/index.js';
import { collectSample, lead, pushRelease, sampleChannels, sampleSite } from './sample.js';

const filesOf = (site: ReleaseSite) =>
  new Map([...renderSite(site, readSiteAssets())].map(({ path, text }) => [path, text]));

/** A channel with so many versions, the oldest pushed first. */
async function manyVersions(target: Target, count: number): Promise<ChannelInputs[]> {
  const versions = Array.from({ length: count }, (_, at) => `1.${at}.0`);
  const channels = sampleChannels([], versions.toReversed());
  const [stable] = channels as [ChannelInputs];
  for (const [at, version] of versions.entries()) {
    const time = new Date(Date.UTC(2026, 0, 1 + at)).toISOString();
    const release = await pushRelease(target, { components: { engine: { version } } }, time);
    await lead(target, stable, release, version, time);
  }
  return channels;
}

describe('what is told of releases', () => {
  it('is the same for the same state, page by page', async () => {
    const [one, two] = [filesOf(await sampleSite()), filesOf(await sampleSite())];
    expect([...one]).toEqual([...two]);
    expect(
      [...one.keys()].filter((path) => !/^(?:[a-z-]+\.html|releases\/[0-9a-f]{64}\.html)$/.test(path)),
    ).toEqual([]);
    expect(one.size).toBe(3 + 3 + 6);
  });

  it('is what channels lead to and led to, their versions, and what was taken back', async () => {
    const site = await sampleSite();
    expect(site.releases.map(({ title }) => title)).toEqual([
      '1.2.0',
      'night-20260111',
      'night-20260110',
      '1.1.0',
      'night-20260108',
      '1.0.0',
    ]);
    expect(site.channels.map(({ name, steps, complete }) => [name, steps.length, complete])).toEqual([
      ['stable', 4, true],
      ['nightly', 6, true],
      ['next', 0, true],
    ]);
    const verdicts = site.releases.map(({ tests }) => tests.verdict?.kind);
    expect(verdicts).toEqual(['passed', 'failed', 'passed', 'passed', 'passed', 'passed']);
    const [taken] = [...filesOf(site)].filter(([, text]) => text.includes('<h1>1.2.0</h1>'));
    expect(taken?.[1]).toContain('<dt>Taken back</dt>');
  });

  it('has a release that no tag leads to any more, by the history alone', async () => {
    const target = memoryTarget();
    const channels = await manyVersions(target, 3);
    const [stable, nightly, next] = channels as [ChannelInputs, ChannelInputs, ChannelInputs];
    const unnamed = { ...stable, pattern: undefined, versions: [] };
    const site = await collectSample(target, [unnamed, nightly, next]);
    expect(site.releases).toHaveLength(3);
    expect(site.releases.map(({ title }) => title)).toEqual(
      site.releases.map(({ digest }) => digest.slice(7, 19)),
    );
  });

  it('is cut where there is too much, and says so; what a channel leads to stays', async () => {
    const target = memoryTarget();
    const channels = await manyVersions(target, 30);
    const site = await collectSample(target, channels, 10);
    expect(site.releases.map(({ title }) => title)).toEqual(
      Array.from({ length: 10 }, (_, at) => `1.${29 - at}.0`),
    );
    expect(site.omitted).toBe(20);
    expect(filesOf(site).get('index.html')).toContain('20 older releases left out');
    expect(site.channels[0]?.steps).toHaveLength(30);
  });

  it('tells what cannot be shown, and shows the rest', async () => {
    const target = memoryTarget();
    const [stable, nightly, next] = (await manyVersions(target, 2)) as [
      ChannelInputs,
      ChannelInputs,
      ChannelInputs,
    ];
    const { config, manifest } = buildImage({
      layers: [],
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {},
      createdBy: 'a test',
    });
    for (const { descriptor, bytes } of [config, manifest])
      await target.push(descriptor, async () => streamOf(bytes));
    await target.tag(manifest.descriptor, '1.7.0');
    const site = await collectSample(target, [
      { ...stable, versions: ['1.7.0', ...stable.versions] },
      nightly,
      next,
    ]);
    expect(site.releases).toHaveLength(2);
    expect(site.unreadable).toMatchObject([
      { tags: ['1.7.0'], fault: expect.stringContaining('is no release') },
    ]);
    expect(filesOf(site).get('index.html')).toContain('What cannot be shown');
  });

  it('is nothing where the registry fails: a page that lacks something unsaid is worse than none', async () => {
    const target = memoryTarget();
    const channels = await manyVersions(target, 3);
    const failing: Target = {
      ...target,
      async *referrers(): AsyncGenerator<Descriptor> {
        yield* [];
        throw new EngineshedError('REGISTRY_UNAVAILABLE', 'no');
      },
    };
    await expect(collectSample(failing, channels)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('asks for each thing once, however often channels led to it', async () => {
    const target = memoryTarget();
    const channels = await manyVersions(target, 20);
    const asked: string[] = [];
    const counting: Target = {
      ...target,
      fetch: (descriptor, options) => {
        asked.push(descriptor.digest);
        return target.fetch(descriptor, options);
      },
      referrers: (subject, type) => {
        asked.push(`${subject.digest} ${type}`);
        return target.referrers(subject, type);
      },
    };
    await collectSample(counting, channels);
    const twice = asked.filter((what, at) => asked.indexOf(what) !== at);
    expect(twice).toEqual([]);
  });

  it('names a page for every channel, also where names differ in upper and lower case only, or are numbered', async () => {
    const target = memoryTarget();
    const names = ['stable-3', 'Stable', 'stable', 'STABLE', 'con', '../../etc'];
    const channels = names.map((name, at) => ({ name, tag: `t${at}`, pattern: undefined, versions: [] }));
    const paths = [...filesOf(await collectSample(target, channels)).keys()];
    expect(paths.slice(3)).toEqual([
      'channel-stable-3.html',
      'channel-stable.html',
      'channel-stable-2.html',
      'channel-stable-4.html',
      'channel-con.html',
      'channel-..-..-etc.html',
    ]);
  });
});
