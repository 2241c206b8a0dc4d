import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { admit, channelType, signImage } from '../../src/trust/index.js';
import { candidateOf, newStore, policyOf, requestOf, signStep } from '../support/policies.js';
import { newKey, pushBundle, pushedImage, signatureAnnotations } from '../support/signing.js';

const key = newKey('one.pub');
const policies = [policyOf([key], { channel: true })];
const at = (day: number, second = 0) => new Date(Date.UTC(2026, 0, day, 0, 0, second)).toISOString();

/** What somebody attaches who may push and has no key: so many that say they are steps of that day. */
async function flood(target: Target, subject: Descriptor, day: number, count = 200): Promise<void> {
  for (let number = 0; number < count; number++)
    await pushBundle(target, subject, `${day} ${number}`, {
      annotations: {
        ...signatureAnnotations,
        'dev.sigstore.bundle.predicateType': channelType,
        'org.opencontainers.image.created': at(day, number),
      },
    });
}

/** A signed image in a place, its steps on these days, and a store that follows its tag. */
async function channel(...days: readonly number[]) {
  const { target, subject } = await pushedImage('one');
  await signImage(target, { subject, name: undefined, created: at(1), key });
  const step = (day: number) => signStep(target, subject, key, day, { time: at(day) });
  for (const day of days) await step(day);
  const store = newStore();
  const follow = (tag = 'latest', into = store) =>
    admit(requestOf(into, [candidateOf(target, subject, { tag })], policies));
  return { target, subject, step, follow };
}

describe('steps of a channel that are too many to read', () => {
  it('F02 F03 hide no later step: what they may hide is refused, and told', async () => {
    const { target, subject, step, follow } = await channel(1);
    await follow();
    await step(3);
    await flood(target, subject, 1, 3);
    await flood(target, subject, 4);
    const hidden = {
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringMatching(
        /step 1 of 2026-01-01.* is the latest of train .*4 are not read.* it is of 2026-01-03T/,
      ),
      hint: expect.stringContaining('removes those that nobody needs'),
    };
    await expect(follow()).rejects.toMatchObject(hidden);
    // Nothing is known of it in another store.
    await expect(follow('latest', newStore())).rejects.toMatchObject({
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringContaining('5 are not read, for there are more than 200'),
    });
    // Its publisher signs again.
    await step(5);
    await follow();
  });

  it('F03 stop nobody where they say to be older than what is proven', async () => {
    const { target, subject, follow } = await channel(2);
    await flood(target, subject, 1, 250);
    await follow();
    await follow();
  });

  it('stop nobody where a channel was signed anew each day for long', async () => {
    const days = Array.from({ length: 202 }, (_, number) => number + 1);
    const { follow } = await channel(...days);
    await follow();
    await follow();
  });

  it('F03 say nothing of the tag of a version, which never moves', async () => {
    const { target, subject, follow } = await channel();
    await signStep(target, subject, key, 1, { tags: ['1.0.0', 'latest'] });
    const store = newStore();
    await follow('1.0.0', store);
    await flood(target, subject, 4, 201);
    await follow('1.0.0', store);
  });
});
