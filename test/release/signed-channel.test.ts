import { describe, expect, it } from 'vitest';
import { copy, memoryTarget, type Target } from '../../src/content/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { findLatestSigned, recordStep } from '../../src/release/channel.js';
import {
  type PromotionSigning,
  planPromotion,
  promote,
  readChannelHistory,
  readSignedHistory,
  rollbackStep,
} from '../../src/release/index.js';
import type { ChannelStep, SigningKey } from '../../src/trust/index.js';
import { repository } from '../support/policies.js';
import { newKey, pushedImage } from '../support/signing.js';

const [one, two] = [newKey('one.pub'), newKey('two.pub')];

const signedBy = (key: SigningKey, more: Partial<PromotionSigning> = {}): PromotionSigning => ({
  key,
  known: [one.public, two.public],
  isProof: () => true,
  seen: 0,
  latest: undefined,
  ...more,
});

const inputs = (release: Descriptor, version: string | undefined, signing: PromotionSigning | undefined) => ({
  release,
  channel: 'train',
  repository,
  tag: 'latest',
  versionTag: version,
  version,
  reason: 'promote' as const,
  time: '2026-01-05T00:00:00.000Z',
  expires: '2026-02-05T00:00:00.000Z',
  signing,
});

async function releases(...names: string[]): Promise<{ target: Target; images: Descriptor[] }> {
  const target = memoryTarget();
  const images: Descriptor[] = [];
  for (const name of names) images.push((await pushedImage(name, target)).subject);
  return { target, images };
}

const history = (target: Target, at: Descriptor) =>
  readChannelHistory(target, 'train', at, undefined, [one.public, two.public]);

async function promoteTo(target: Target, ...about: Parameters<typeof inputs>) {
  const plan = await planPromotion(target, inputs(...about));
  await promote(target, plan);
  return plan;
}

describe('a channel with signed steps', () => {
  it('goes on from what was recorded before somebody signed', async () => {
    const { target, images } = await releases('one', 'two');
    const [first, second] = images as [Descriptor, Descriptor];
    await promoteTo(target, first, '1.0.0', undefined);
    // Nothing moves, and yet something is to be said.
    const signed = await promoteTo(target, first, '1.0.0', signedBy(one));
    expect(signed).toMatchObject({ tags: [], step: { step: 2, tags: ['1.0.0', 'latest'], repository } });
    expect((await planPromotion(target, inputs(first, '1.0.0', signedBy(one)))).step).toBeUndefined();
    // Another version of the same release is something new to say.
    expect((await planPromotion(target, inputs(first, '1.0.1', signedBy(one)))).step).toMatchObject({
      step: 3,
      tags: ['1.0.1', 'latest'],
    });
    await promoteTo(target, second, '1.1.0', signedBy(one));
    const steps = await history(target, second);
    expect(steps.map(({ step, signature, signers }) => [step, signature, signers.length])).toEqual([
      [3, 'known', 1],
      [2, 'known', 1],
    ]);
    expect(rollbackStep('train', steps)).toMatchObject({ digest: first.digest });
    // Without the keys nobody can tell who signed.
    expect((await readChannelHistory(target, 'train', second)).map(({ signature }) => signature)).toEqual([
      'unknown',
      'unknown',
      'none',
    ]);
  });

  it('has one step where a second key signs it', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    const again = await promoteTo(target, first, '1.0.0', signedBy(two));
    expect(again.step).toMatchObject({ step: 1 });
    expect(await history(target, first)).toMatchObject([{ step: 1, signers: [one.public, two.public] }]);
    expect((await planPromotion(target, inputs(first, '1.0.0', signedBy(two)))).step).toBeUndefined();
  });

  it('F02 has a new step where what another signed is not what the second key is to sign', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    const about = { ...inputs(first, undefined, undefined), tags: ['latest'], digest: first.digest };
    const other = { ...about, step: 1, previous: undefined };
    for (const strange of [
      { ...other, tags: ['latest', 'stable'] },
      { ...other, version: '9.9.9' },
      { ...other, expires: '2099-01-01T00:00:00.000Z' },
      { ...other, expires: undefined },
    ]) {
      const { target: place, images: own } = await releases('one');
      const [subject] = own as [Descriptor];
      await recordStep(place, subject, 'it', { ...strange, digest: subject.digest }, one);
      await place.tag(subject, 'latest');
      const plan = await planPromotion(place, inputs(subject, undefined, signedBy(two)));
      expect(plan.step).toMatchObject({ step: 2, tags: ['latest'], expires: about.expires });
    }
    const last = inputs(first, undefined, signedBy(one, { seen: 1_000_000_000 }));
    await expect(planPromotion(target, last)).rejects.toMatchObject({ code: 'CHANNEL_UNPROVEN' });
  });

  it('is signed anew where its time is over', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    const late = { ...inputs(first, '1.0.0', signedBy(one)), time: '2026-03-01T00:00:00.000Z' };
    expect((await planPromotion(target, late)).step).toMatchObject({ step: 2 });
  });

  const step = (release: Descriptor, number: number): ChannelStep => ({
    ...inputs(release, undefined, undefined),
    tags: ['latest'],
    step: number,
    digest: release.digest,
    previous: undefined,
  });

  it('stays in use however often it was signed anew, and is read at once', async () => {
    const { target, images } = await releases('one', 'two', 'three');
    const [first, second, third] = images as [Descriptor, Descriptor, Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    await promoteTo(target, second, '1.1.0', signedBy(one));
    for (let at = 3; at <= 1010; at++) {
      const anew = { ...step(second, at), reason: 'renew' as const, version: '1.1.0' };
      const previous = { step: at - 1, digest: second.digest };
      await recordStep(target, second, 'it', { ...anew, previous }, one);
    }
    let lists = 0;
    const place: Target = {
      ...target,
      referrers: (...about) => {
        lists++;
        return target.referrers(...about);
      },
    };
    const steps = await readSignedHistory(place, { channel: 'train', repository, tag: 'latest' }, second, {
      keys: [one.public],
      latest: undefined,
    });
    expect([steps.length, steps.at(-1)?.digest, rollbackStep('train', steps).digest]).toEqual([
      1010,
      first.digest,
      first.digest,
    ]);
    // Two lists for each of two releases.
    expect(lists).toBe(4);
    expect((await promoteTo(target, third, '1.2.0', signedBy(one))).step).toMatchObject({ step: 1011 });
  });

  it('F02 proves the tag of the version when it is signed anew, but not what another key said', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    await recordStep(target, first, 'it', { ...step(first, 1), tags: ['9.9.9', 'latest'] }, two);
    await recordStep(target, first, 'it', { ...step(first, 1), tags: ['8'], tag: 'next' }, one);
    await recordStep(target, first, 'it', { ...step(first, 1), tags: ['7'], repository: 'x/y' }, one);
    const renew = (key: SigningKey) =>
      planPromotion(target, { ...inputs(first, undefined, signedBy(key)), reason: 'renew' });
    expect((await renew(one)).step).toMatchObject({ tags: ['1.0.0', 'latest'] });
    expect((await renew(two)).step).toMatchObject({ tags: ['9.9.9', 'latest'] });
  });

  it('F02 is not numbered by what anybody attaches', async () => {
    const { target, images } = await releases('one', 'two');
    const [first, second] = images as [Descriptor, Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    await recordStep(target, first, 'it', step(first, 900), undefined);
    await recordStep(target, first, 'it', step(first, 901), newKey('nobody.pub'));
    expect(await history(target, first)).toMatchObject([{ step: 1, signature: 'known' }]);
    expect((await promoteTo(target, second, '1.1.0', signedBy(one))).step).toMatchObject({ step: 2 });
    // Not even where nothing else is there.
    const { target: other, images: others } = await releases('one', 'two');
    const [third, fourth] = others as [Descriptor, Descriptor];
    await recordStep(other, third, 'it', step(third, 999_999_999), undefined);
    await other.tag(third, 'latest');
    expect((await promoteTo(other, fourth, '1.0.0', signedBy(one))).step).toMatchObject({ step: 1 });
  });

  it('F02 is not numbered by one key of several', async () => {
    const { target, images } = await releases('one', 'two');
    const [first, second] = images as [Descriptor, Descriptor];
    const both = (key: SigningKey) =>
      signedBy(key, { isProof: (signers) => signers.length === 2 || signers.includes(key.public) });
    await promoteTo(target, first, '1.0.0', both(one));
    await promoteTo(target, first, '1.0.0', both(two));
    await recordStep(target, first, 'it', step(first, 900_000_000), one);
    expect((await planPromotion(target, inputs(first, undefined, both(two)))).step).toBeUndefined();
    expect((await planPromotion(target, inputs(second, '1.1.0', both(two)))).step).toMatchObject({ step: 2 });
    // What another has begun in good faith goes on.
    await recordStep(target, first, 'it', step(first, 2), one);
    expect((await planPromotion(target, inputs(first, undefined, both(two)))).step).toBeUndefined();
    expect((await planPromotion(target, inputs(second, '1.1.0', both(two)))).step).toMatchObject({ step: 3 });
    const about = { channel: 'train', repository, tag: 'latest' };
    const by = { keys: [one.public, two.public], isProof: both(two).isProof };
    expect(await findLatestSigned(target, about, ['1.0.0'], by)).toMatchObject({ step: 1 });
  });

  it('is renewed by all keys in one step', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    const both = (key: SigningKey) =>
      signedBy(key, { isProof: (signers) => signers.length === 2 || signers.includes(key.public) });
    for (const key of [one, two]) await promoteTo(target, first, undefined, both(key));
    const renew = async (key: SigningKey, time: string, expires: string) => {
      const about = inputs(first, undefined, both(key));
      const plan = await planPromotion(target, { ...about, reason: 'renew', time, expires });
      await promote(target, plan);
      return plan.step?.step;
    };
    expect(await renew(one, '2026-01-10T00:00:00.000Z', '2026-02-10T00:00:00.000Z')).toBe(2);
    expect(await renew(two, '2026-01-11T00:00:00.000Z', '2026-02-11T00:00:00.000Z')).toBe(2);
    // Not what lasts longer than this key is to sign, nor what it has signed, nor what is proven.
    expect(await renew(one, '2026-01-20T00:00:00.000Z', '2026-02-20T00:00:00.000Z')).toBe(3);
    expect(await renew(two, '2026-01-19T00:00:00.000Z', '2026-02-19T00:00:00.000Z')).toBe(4);
    expect(await renew(two, '2026-01-21T00:00:00.000Z', '2026-02-21T00:00:00.000Z')).toBe(5);
    expect((await history(target, first)).map(({ step, signers }) => [step, signers.length])).toEqual([
      [5, 1],
      [4, 1],
      [3, 1],
      [2, 2],
      [1, 2],
    ]);
  });

  it('F02 goes on where somebody moved its tag away meanwhile', async () => {
    const { target, images } = await releases('one', 'two', 'three');
    const [first, second, strange] = images as [Descriptor, Descriptor, Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    await promoteTo(target, second, '1.1.0', signedBy(one));
    await target.tag(strange, 'latest');
    // The release that it comes back to tells, or what this machine has seen.
    expect((await planPromotion(target, inputs(second, '1.1.0', signedBy(one)))).step).toMatchObject({
      step: 3,
    });
    const fresh = (await pushedImage('four', target)).subject;
    const signing = signedBy(one, { seen: 7 });
    expect((await planPromotion(target, inputs(fresh, '1.2.0', signing))).step).toMatchObject({ step: 8 });
  });

  it('F02 goes back only to what was signed, wherever somebody without the key led its tag', async () => {
    const { target, images } = await releases('one', 'two', 'hostile', 'candidate');
    const [first, second, hostile, candidate] = images as [Descriptor, Descriptor, Descriptor, Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    const { step: latest } = await promoteTo(target, second, '1.1.0', signedBy(one));
    const previous = { step: 2, digest: candidate.digest };
    await recordStep(target, hostile, 'it', { ...step(hostile, 3), previous }, undefined);
    await recordStep(target, candidate, 'it', step(candidate, 2), undefined);
    await target.tag(hostile, 'latest');
    const place = { channel: 'train', repository, tag: 'latest' };
    const signed = (at: Descriptor, known: ChannelStep | undefined) =>
      readSignedHistory(target, place, at, { keys: [one.public], latest: known });
    expect(rollbackStep('train', await history(target, hostile)).digest).toBe(candidate.digest);
    await recordStep(target, candidate, 'it', { ...step(candidate, 9), repository: 'x/y' }, one);
    expect(await signed(hostile, undefined)).toEqual([]);
    expect(await signed(candidate, undefined)).toEqual([]);
    for (const at of [hostile, candidate, first])
      expect(rollbackStep('train', await signed(at, latest)).digest).toBe(first.digest);
    // Where it was led back without a key, it is signed still.
    await target.tag(first, 'latest');
    const back = { ...inputs(first, undefined, signedBy(one, { latest })), reason: 'rollback' as const };
    expect(await planPromotion(target, back)).toMatchObject({ tags: [], step: { step: 3 } });
  });

  it('has signed steps in a copy, too', async () => {
    const { target, images } = await releases('one');
    const [first] = images as [Descriptor];
    await promoteTo(target, first, '1.0.0', signedBy(one));
    const other = memoryTarget();
    await copy(target, first, other, { tags: ['latest'], referrers: 'bring' });
    expect(await history(other, first)).toMatchObject([{ step: 1, signature: 'known' }]);
  });
});
