import { describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/oci/index.js';
import { type ChannelStep, formatChannelStep, parseChannelStep } from '../../src/trust/channel-step.js';
import { acceptStep, type ChannelVerdict, judgeChannel } from '../../src/trust/judge-channel.js';
import type { SeenStep } from '../../src/trust/seen.js';

const repository = 'registry.example/acme/base';
const one = digestOf('one');
const two = digestOf('two');
const day = (number: number) => new Date(Date.UTC(2026, 0, number));

function stepOf(step: number, digest: Digest, more: Partial<ChannelStep> = {}): ChannelStep {
  return {
    channel: 'train',
    repository,
    tag: 'latest',
    tags: ['latest'],
    step,
    digest,
    version: undefined,
    reason: 'promote',
    time: day(step).toISOString(),
    expires: undefined,
    previous: undefined,
    ...more,
  };
}

const followed = (digest: Digest, tag = 'latest') => ({ repository, place: repository, tag, digest });

/** What is remembered of one step after another, each of which is proven. */
function seenAfter(...steps: readonly (readonly [ChannelStep, Date])[]): SeenStep {
  let seen: SeenStep | undefined;
  for (const [step, now] of steps) {
    const verdict = judgeChannel(followed(step.digest), [step], seen, now);
    expect(verdict.kind).toBe('proven');
    seen = (verdict as Extract<ChannelVerdict, { kind: 'proven' }>).seen;
  }
  if (seen === undefined) throw new Error('nothing was seen');
  return seen;
}

describe('a channel', () => {
  it('moves on, and is where it was, and may jump', () => {
    const seen = seenAfter(
      [stepOf(1, one), day(1)],
      [stepOf(1, one), day(2)],
      [stepOf(2, two), day(3)],
      [stepOf(7, one), day(8)],
    );
    expect(seen).toMatchObject({ step: 7, digest: one, channel: 'train', accepted: [] });
  });

  it('F01 is proven by nothing that is about another repository, tag or digest', () => {
    const others = [
      stepOf(1, one, { repository: 'registry.example/acme/other' }),
      stepOf(1, one, { tag: 'nightly', tags: ['nightly', '1.0.0'] }),
      stepOf(1, two),
      stepOf(1, one, { tags: [] }),
    ];
    for (const other of others)
      expect(judgeChannel(followed(one), [other], undefined, day(1))).toEqual({
        kind: 'unproven',
        others: [other],
      });
    expect(judgeChannel(followed(one), [], undefined, day(1)).kind).toBe('unproven');
  });

  it('F02 does not go back: an older statement that is played again is a rollback', () => {
    const seen = seenAfter([stepOf(1, one), day(1)], [stepOf(2, two), day(2)]);
    const verdict = judgeChannel(followed(one), [stepOf(1, one)], seen, day(3));
    expect(verdict).toMatchObject({ kind: 'rollback', step: { step: 1 }, seen: { step: 2 } });
    // Where its publisher goes back, there is a new step at the old release.
    const back = [stepOf(1, one), stepOf(3, one, { reason: 'rollback' })];
    expect(judgeChannel(followed(one), back, seen, day(3))).toMatchObject({
      kind: 'proven',
      seen: { step: 3 },
    });
  });

  it('F02 has one release for a number: two are an equivocation', () => {
    const seen = seenAfter([stepOf(2, two), day(2)]);
    expect(judgeChannel(followed(one), [stepOf(2, one)], seen, day(2))).toMatchObject({
      kind: 'equivocation',
      step: { digest: one },
      seen: { digest: two },
    });
    // A promotion that was interrupted and done again says the same twice, and that which lasts longer counts.
    const twice = [
      stepOf(2, two, { expires: day(5).toISOString() }),
      stepOf(2, two, { expires: day(9).toISOString() }),
    ];
    for (const statements of [twice, [...twice].reverse()])
      expect(judgeChannel(followed(two), statements, seen, day(7)).kind).toBe('proven');
  });

  it('F02 is frozen where its time is over, until there is a newer step', () => {
    const old = stepOf(1, one, { expires: day(10).toISOString() });
    expect(judgeChannel(followed(one), [old], undefined, day(9)).kind).toBe('proven');
    for (const late of [day(10), day(11)])
      expect(judgeChannel(followed(one), [old], undefined, late)).toMatchObject({
        kind: 'expired',
        at: late.toISOString(),
      });
    const renewed = stepOf(2, one, { reason: 'renew', expires: day(20).toISOString() });
    expect(judgeChannel(followed(one), [old, renewed], undefined, day(11)).kind).toBe('proven');
  });

  it('F04 is judged by the latest time that was seen where the clock is set back', () => {
    const old = stepOf(1, one, { expires: day(10).toISOString() });
    const late = judgeChannel(followed(one), [old], undefined, day(12)) as Extract<
      ChannelVerdict,
      { kind: 'expired' }
    >;
    expect(judgeChannel(followed(one), [old], late.seen, day(2))).toMatchObject({
      kind: 'expired',
      at: day(10).toISOString(),
    });
    // A step that nobody saw when it was new.
    const seen = seenAfter([stepOf(1, one, { expires: day(30).toISOString() }), day(12)]);
    const hidden = stepOf(2, two, { expires: day(11).toISOString() });
    expect(judgeChannel(followed(two), [hidden], seen, day(2)).kind).toBe('expired');
  });

  it('F04 is not lost for ever by a clock that was far ahead once', () => {
    const old = stepOf(1, one, { expires: day(10).toISOString() });
    const far = new Date(Date.UTC(2099, 0));
    const { seen } = judgeChannel(followed(one), [old], undefined, far) as { seen: SeenStep };
    expect(seen.time).toBe(day(10).toISOString());
    const next = stepOf(2, two, { expires: day(20).toISOString() });
    expect(judgeChannel(followed(two), [next], seen, day(9)).kind).toBe('proven');
    // Without an end nothing is remembered of the clock.
    expect(seenAfter([stepOf(1, one), far])).not.toHaveProperty('time');
  });

  it('F04 does not forget the time with a step that has no end', () => {
    const seen = seenAfter(
      [stepOf(1, one, { expires: day(30).toISOString() }), day(12)],
      [stepOf(2, two), day(13)],
    );
    expect(seen.time).toBe(day(12).toISOString());
    const hidden = stepOf(3, one, { expires: day(11).toISOString() });
    expect(judgeChannel(followed(one), [hidden], seen, day(2)).kind).toBe('expired');
  });

  it('lets a version be what its statement says, whatever was seen and whenever', () => {
    const promoted = stepOf(3, one, { tags: ['1.0.0', 'latest'], expires: day(4).toISOString() });
    expect(judgeChannel(followed(one, '1.0.0'), [promoted], undefined, day(90))).toMatchObject({
      kind: 'proven',
      seen: undefined,
    });
    expect(judgeChannel(followed(two, '1.0.0'), [promoted], undefined, day(3)).kind).toBe('unproven');
  });

  it('F02 does not become a version, which never goes back', () => {
    const seen = seenAfter([stepOf(5, two), day(5)]);
    const version = stepOf(1, one, { tag: 'nightly', tags: ['latest', 'nightly'] });
    expect(judgeChannel(followed(one), [version], seen, day(6)).kind).toBe('unproven');
  });
});

describe('what somebody takes', () => {
  const about = { time: day(20).toISOString(), by: 'ada' };

  it('is what is seen from then on, and is told', () => {
    const seen = seenAfter([stepOf(5, two, { expires: day(9).toISOString() }), day(6)]);
    const old = stepOf(3, one);
    const taken = acceptStep(followed(one), old, seen, { ...about, what: 'rollback' });
    expect(taken.time).toBe(seen.time);
    expect(seen.time).toBeDefined();
    expect(judgeChannel(followed(one), [old], taken, day(20)).kind).toBe('proven');
    expect(taken.accepted).toEqual([
      { ...about, what: 'rollback', from: { step: 5, digest: two }, to: { step: 3, digest: one } },
    ]);
  });

  it('is one step that is too old, and no other', () => {
    const old = stepOf(3, one, { expires: day(9).toISOString() });
    const taken = acceptStep(followed(one), old, undefined, { ...about, what: 'expired' });
    expect(judgeChannel(followed(one), [old], taken, day(20)).kind).toBe('proven');
    const next = stepOf(4, two, { expires: day(10).toISOString() });
    expect(judgeChannel(followed(two), [next], taken, day(20)).kind).toBe('expired');
  });
});

describe('what a statement says of a channel', () => {
  const good = formatChannelStep(
    stepOf(2, one, { version: '1.0.0', expires: day(9).toISOString(), previous: { step: 1, digest: two } }),
  );

  it('is read back', () => {
    expect(parseChannelStep(good)).toMatchObject({ step: 2, digest: one, expires: day(9).toISOString() });
  });

  it.each([
    ['no number', { step: '2' }],
    ['a number that could be the last', { step: 2 ** 53 - 1 }],
    ['a step before that is later', { previous: { step: 2, digest: two } }],
    ['an end that is no time', { expires: 'tomorrow' }],
    ['no digest', { digest: 'latest' }],
    ['a reason that is none', { reason: 'because' }],
    ['tags that are none', { tags: 'latest' }],
    ['no tags', { tags: undefined }],
    ['no repository', { repository: undefined }],
  ])('is nothing where it has %s', (_, wrong) => {
    expect(parseChannelStep({ ...good, ...wrong })).toBeUndefined();
  });
});
