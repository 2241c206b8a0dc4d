import { describe, expect, it } from 'vitest';
import { memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { buildImage, type Descriptor } from '../../src/oci/index.js';
import { planPromotion, promote, readChannelHistory, rollbackStep } from '../../src/release/index.js';

async function pushRelease(target: Target, name: string): Promise<Descriptor> {
  const { config, manifest } = buildImage({
    layers: [],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: { name },
    createdBy: 'a test',
  });
  for (const { descriptor, bytes } of [config, manifest])
    await target.push(descriptor, async () => streamOf(bytes));
  return manifest.descriptor;
}

const inputs = (release: Descriptor, version?: string) => ({
  release,
  channel: 'train',
  tag: 'latest',
  repository: 'registry.example/acme/base',
  expires: undefined,
  signing: undefined,
  versionTag: version,
  version,
  reason: 'promote' as const,
  time: `2026-01-0${version?.at(-1) ?? 1}T00:00:00Z`,
});

async function promoted(target: Target, name: string, version: string): Promise<Descriptor> {
  const release = await pushRelease(target, name);
  await promote(target, await planPromotion(target, inputs(release, version)));
  return release;
}

describe('a channel', () => {
  it('follows its tag, not what was recorded by somebody who was slower', async () => {
    const target = memoryTarget();
    const one = await promoted(target, 'one', '1.0.1');
    const [two, three] = [await pushRelease(target, 'two'), await pushRelease(target, 'three')];
    const slow = await planPromotion(target, inputs(two, '1.0.2'));
    await promote(target, await planPromotion(target, inputs(three, '1.0.3')));
    await expect(promote(target, slow)).rejects.toMatchObject({ code: 'CHANNEL_MOVED' });
    expect((await target.resolve('latest')).digest).toBe(three.digest);
    const steps = await readChannelHistory(target, 'train', three);
    expect(steps.map(({ step, digest }) => [step, digest])).toEqual([
      [2, three.digest],
      [1, one.digest],
    ]);
  });

  it('is not taken for moved where somebody else moves it right after the tag was set', async () => {
    const target = memoryTarget();
    const [one, two] = [await pushRelease(target, 'one'), await pushRelease(target, 'two')];
    const racing: Target = {
      ...target,
      async tag(descriptor, tag) {
        await target.tag(descriptor, tag);
        if (tag === 'latest') await target.tag(two, tag);
      },
    };
    const plan = await planPromotion(racing, inputs(one, '1.0.1'));
    await expect(promote(racing, plan)).rejects.toMatchObject({
      code: 'CHANNEL_MOVED',
      details: { actual: two.digest },
    });
  });

  it('never moves a version, whenever somebody else takes it', async () => {
    const target = memoryTarget();
    const [one, two] = [await pushRelease(target, 'one'), await pushRelease(target, 'two')];
    const plan = await planPromotion(target, inputs(one, '1.0.1'));
    await target.tag(two, '1.0.1');
    await expect(promote(target, plan)).rejects.toMatchObject({ code: 'TAG_IMMUTABLE' });
    await expect(planPromotion(target, inputs(one, '1.0.1'))).rejects.toMatchObject({
      code: 'TAG_IMMUTABLE',
    });
    expect((await target.resolve('1.0.1')).digest).toBe(two.digest);
    await expect(target.resolve('latest')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it('has nothing to do the second time', async () => {
    const target = memoryTarget();
    const one = await promoted(target, 'one', '1.0.1');
    const again = await planPromotion(target, inputs(one, '1.0.1'));
    expect(again).toMatchObject({ tags: [], step: undefined });
    await promote(target, again);
    expect(await readChannelHistory(target, 'train', one)).toHaveLength(1);
  });

  it('goes back release by release, also after it went back', async () => {
    const target = memoryTarget();
    const releases: Descriptor[] = [];
    for (const at of [1, 2, 3]) releases.push(await promoted(target, `release ${at}`, `1.0.${at}`));
    const [first, second, third] = releases as [Descriptor, Descriptor, Descriptor];
    for (const [from, to] of [
      [third, second],
      [second, first],
    ] as const) {
      const step = rollbackStep('train', await readChannelHistory(target, 'train', from));
      expect(step.digest).toBe(to.digest);
      const back = { ...inputs(to), version: step.version, reason: 'rollback' as const };
      await promote(target, await planPromotion(target, back));
    }
    const history = await readChannelHistory(target, 'train', first);
    expect(history.map(({ step, version }) => [step, version])).toEqual([
      [5, '1.0.1'],
      [4, '1.0.2'],
      [3, '1.0.3'],
      [2, '1.0.2'],
      [1, '1.0.1'],
    ]);
    expect(() => rollbackStep('train', history)).toThrow(/could go back to/);
  });

  it('ends its history where nothing is recorded', async () => {
    const target = memoryTarget();
    const one = await pushRelease(target, 'one');
    await target.tag(one, 'latest');
    expect(await readChannelHistory(target, 'train', one)).toEqual([]);
    const two = await promoted(target, 'two', '1.0.2');
    const steps = await readChannelHistory(target, 'train', two);
    expect(steps).toMatchObject([{ step: 1, previous: { step: 0, digest: one.digest } }]);
  });
});
