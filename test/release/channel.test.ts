import { describe, expect, it } from 'vitest';
import { memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { buildImage, type Descriptor } from '../../src/oci/index.js';
import {
  findLatestSigned,
  planPromotion,
  promote,
  readChannelHistory,
  rollbackStep,
} from '../../src/release/index.js';
import { attachStatement } from '../../src/release/statement.js';
import { channelType } from '../../src/trust/index.js';
import { newKey } from '../support/signing.js';

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

  it('F02 goes on counting where it was, wherever somebody without the key led its tag', async () => {
    const target = memoryTarget();
    const [key, other] = [newKey('release'), newKey('somebody')];
    const signed = async (release: Descriptor, version: string, by = key) => {
      const about = inputs(release, version);
      const tags = ['1.0.1', '1.0.2', '1.0.3', '9.9.9'];
      const latest = await findLatestSigned(target, about, tags, { keys: [by.public], isProof: () => true });
      const plan = await planPromotion(target, {
        ...about,
        signing: { key: by, known: [], isProof: () => true, seen: 0, latest },
      });
      await promote(target, plan);
      return plan.step;
    };
    const releases: Descriptor[] = [];
    for (const at of [1, 2, 3]) releases.push(await pushRelease(target, `release ${at}`));
    const [one, two, three] = releases as [Descriptor, Descriptor, Descriptor];
    expect(await signed(one, '1.0.1')).toMatchObject({ step: 1 });
    expect(await signed(two, '1.0.2')).toMatchObject({ step: 2 });
    // To an old release of the channel, and to something that never was one; a step of a key that nobody trusts says nothing.
    await target.tag(one, 'latest');
    const previous = { step: 2, digest: two.digest };
    expect(await signed(two, '1.0.2')).toMatchObject({ step: 3, previous });
    const foreign = await pushRelease(target, 'foreign');
    await target.tag(foreign, 'latest');
    await target.tag(foreign, '9.9.9');
    const claimed = { ...inputs(foreign, '9.9.9'), time: '2026-01-01T00:00:00Z' };
    const plan = await planPromotion(target, {
      ...claimed,
      reason: 'renew',
      signing: { key: other, known: [], isProof: () => true, seen: 1000, latest: undefined },
    });
    await promote(target, plan);
    expect(await signed(three, '1.0.3')).toMatchObject({
      step: 4,
      previous: { step: 3, digest: two.digest },
    });
    const history = await readChannelHistory(target, 'train', three, 100, [key.public]);
    expect(history.map(({ step, digest }) => [step, digest])).toEqual([
      [4, three.digest],
      [3, two.digest],
      [2, two.digest],
      [1, one.digest],
    ]);
    expect(rollbackStep('train', history.slice(1)).digest).toBe(one.digest);

    // Nor does what nobody signed.
    const hostile = { ...inputs(foreign), step: 999_999_999, digest: foreign.digest };
    await attachStatement(target, {
      subject: foreign,
      name: 'x',
      created: hostile.time,
      predicateType: channelType,
      predicate: { ...hostile, tags: ['latest'] },
      annotations: { 'io.github.engineshed.channel': 'train' },
    });
    await target.tag(foreign, 'latest');
    expect(await signed(three, '1.0.3')).toMatchObject({ step: 5 });
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
