import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../src/oci/index.js';
import { checkSeen, trustMemory } from '../../src/store/trust-memory.js';
import { accept, planAcceptance } from '../../src/trust/accept.js';
import { admit, readPolicyKeys, type SigningKey, type TrustPolicy, viewOf } from '../../src/trust/index.js';
import { candidateOf, newStore, policyOf, repository, requestOf, signStep } from '../support/policies.js';
import { pushedImage } from '../support/signing.js';
import { day, one, sign, two } from './admitting.js';

/** How the channel is seen by who trusts these keys. */
const viewBy = async (keys: readonly SigningKey[], threshold = 1) =>
  viewOf({ place: repository, tag: 'latest' }, await readPolicyKeys(policyOf(keys, { threshold })));

describe('a tag under a policy for channels', () => {
  const policies = [policyOf([one], { channel: true })];

  it('F01 is proven by the same keys as the image, and by enough of them', async () => {
    const { target, subject } = await pushedImage('one');
    for (const key of [one, two]) await sign(target, subject, key);
    const both = [policyOf([one, two], { channel: true, threshold: 2 })];
    const request = requestOf(newStore(), [candidateOf(target, subject)], both);
    await signStep(target, subject, one, 1);
    await expect(admit(request)).rejects.toMatchObject({
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringContaining('fewer keys than 2'),
    });
    // Another one says something else.
    await signStep(target, subject, two, 2);
    await expect(admit(request)).rejects.toMatchObject({ code: 'CHANNEL_UNPROVEN' });
    await signStep(target, subject, two, 1);
    await admit(request);
  });

  it('F01 is proven for the repository that it is in, whatever place it comes by', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 1, { repository: 'registry.example/acme/other' });
    const store = newStore();
    const here = candidateOf(target, subject);
    await expect(admit(requestOf(store, [here], policies))).rejects.toMatchObject({
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringContaining('registry.example/acme/other:latest'),
    });
    const other = { ...here, repository: 'registry.example/acme/other' };
    await admit(requestOf(store, [{ ...other, reference: 'mirror.example/acme/other:latest' }], policies));
  });

  it('F01 is not proven by a statement that is attached to another image', async () => {
    const { target, subject } = await pushedImage('one');
    const { subject: other } = await pushedImage('two', target);
    await sign(target, subject);
    // It says that the channel leads to the other one.
    await signStep(target, subject, one, 1, { digest: other.digest });
    await expect(
      admit(requestOf(newStore(), [candidateOf(target, subject)], policies)),
    ).rejects.toMatchObject({
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringContaining('it has no signed statement'),
    });
  });

  it('is not asked about where a digest was named', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    const pinned = candidateOf(target, subject, { tag: undefined });
    await admit(requestOf(newStore(), [pinned], policies));
  });

  it('F02 F04 is remembered on the disk, also where it is refused', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 3, { expires: day(10).toISOString() });
    const store = newStore();
    const request = (now: Date) => requestOf(store, [candidateOf(target, subject)], policies, now);
    await expect(admit(request(day(12)))).rejects.toMatchObject({ code: 'CHANNEL_EXPIRED' });
    const { policy } = await viewBy([one]);
    expect(JSON.parse(readFileSync(store.paths.seen(repository, 'latest', policy), 'utf8'))).toEqual({
      version: 1,
      place: repository,
      tag: 'latest',
      channel: 'train',
      step: 3,
      digest: subject.digest,
      proof: { policy, signers: [one.public.id] },
      expires: day(10).toISOString(),
      time: day(10).toISOString(),
      accepted: [],
    });
    await expect(admit(request(day(2)))).rejects.toMatchObject({ code: 'CHANNEL_EXPIRED' });
    await signStep(target, subject, one, 4, { reason: 'renew', expires: day(20).toISOString() });
    await admit(request(day(12)));
  });

  it('F02 E03 never goes back, however many look at once', async () => {
    const { target, subject: old } = await pushedImage('one');
    const { subject: young } = await pushedImage('two', target);
    for (const [image, step] of [
      [old, 1],
      [young, 2],
    ] as const) {
      await sign(target, image);
      await signStep(target, image, one, step);
    }
    const store = newStore();
    const request = (image: Descriptor) => requestOf(store, [candidateOf(target, image)], policies);
    // Looked at before the other had written, and written after it.
    const memory = trustMemory(store);
    const late = admit({
      ...request(old),
      memory: async () => ({
        ...memory,
        keep: async (found) => {
          await admit(request(young));
          await memory.keep(found);
        },
      }),
    });
    await expect(late).rejects.toMatchObject({ code: 'CHANNEL_ROLLBACK' });
    const view = await viewBy([one]);
    expect(memory.seen(view)).toMatchObject({ step: 2, digest: young.digest });
    await Promise.allSettled([old, young, old, young].map((image) => admit(request(image))));
    expect(memory.seen(view)).toMatchObject({ step: 2 });
  });

  it.each([
    ['is damaged', (path: string) => writeFileSync(path, '{"version":1}')],
    ['is empty', (path: string) => writeFileSync(path, '')],
    ['is a directory', (path: string) => mkdirSync(path)],
    ['is a link', (path: string) => symlinkSync('/dev/null', path)],
    [
      'is that of another channel',
      (path: string, policy: string) =>
        writeFileSync(
          path,
          JSON.stringify({
            version: 1,
            place: repository,
            tag: 'other',
            channel: 'other',
            step: 1,
            digest: `sha256:${'0'.repeat(64)}`,
            proof: { policy, signers: [one.public.id] },
            accepted: [],
          }),
        ),
    ],
  ])('F02 E05 is not new because what was seen of it %s', async (_, damage) => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 1);
    // Its own record, and that of other keys, which may tell more.
    for (const keys of [[one], [one, two]]) {
      const store = newStore();
      const { policy } = await viewBy(keys);
      const path = store.paths.seen(repository, 'latest', policy);
      mkdirSync(dirname(path), { recursive: true });
      damage(path, policy);
      await expect(admit(requestOf(store, [candidateOf(target, subject)], policies))).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
      });
    }
  });

  it('F02 is seen by each set of keys for itself', async () => {
    const { target, subject } = await pushedImage('one');
    for (const key of [one, two]) await sign(target, subject, key);
    await signStep(target, subject, one, 1);
    const { subject: hostile } = await pushedImage('two', target);
    for (const key of [one, two]) await sign(target, hostile, key);
    await signStep(target, hostile, two, 999_999_999);
    const store = newStore();
    const by = (keys: SigningKey[], image: Descriptor, more: Partial<TrustPolicy> = {}) =>
      admit(requestOf(store, [candidateOf(target, image)], [policyOf(keys, { channel: true, ...more })]));
    // Somebody else's policy, of a checkout, about the same place.
    await by([two], hostile);
    await by([one, two], hostile);
    await by([one], subject);
    const { subject: next } = await pushedImage('three', target);
    for (const key of [one, two]) await sign(target, next, key);
    await signStep(target, next, one, 2);
    await by([one], next);
    expect(trustMemory(store).seen(await viewBy([one]))).toMatchObject({ step: 2 });
    for (const keys of [[two], [one, two]])
      expect(trustMemory(store).seen(await viewBy(keys))).toMatchObject({ step: 999_999_999 });
    // Where both are asked, both hold.
    const both = [policyOf([one], { channel: true }), policyOf([two], { name: 'other', channel: true })];
    await expect(admit(requestOf(store, [candidateOf(target, next)], both))).rejects.toMatchObject({
      code: 'CHANNEL_UNPROVEN',
      message: expect.stringContaining('the policy "other"'),
    });
  });

  it('F02 is not forgotten where a policy gets another key, or loses one', async () => {
    const { target, subject } = await pushedImage('one');
    for (const key of [one, two]) await sign(target, subject, key);
    const { subject: old } = await pushedImage('two', target);
    for (const key of [one, two]) await sign(target, old, key);
    for (const key of [one, two]) await signStep(target, old, key, 3);
    await signStep(target, subject, one, 5);
    const store = newStore();
    const by = (keys: SigningKey[], image: Descriptor, threshold = 1) =>
      admit(
        requestOf(
          store,
          [candidateOf(target, image)],
          [policyOf(keys, { channel: true, threshold, name: `by ${keys.length}` })],
        ),
      );
    await by([one], subject);
    await by([two], old);
    await expect(by([one, two], old)).rejects.toMatchObject({ code: 'CHANNEL_ROLLBACK' });
    await by([one, two], subject);
    // What one of them signed says nothing to who asks for both, or for the other.
    await by([one, two], old, 2);
    await expect(by([one], old)).rejects.toMatchObject({ code: 'CHANNEL_ROLLBACK' });
  });

  it('F02 is not advanced by fewer keys than have to sign', async () => {
    const { target, subject } = await pushedImage('one');
    for (const key of [one, two]) await sign(target, subject, key);
    for (const key of [one, two]) await signStep(target, subject, key, 1);
    const store = newStore();
    const both = [policyOf([one, two], { channel: true, threshold: 2 })];
    await admit(requestOf(store, [candidateOf(target, subject)], both));
    await signStep(target, subject, one, 900);
    const { subject: next } = await pushedImage('two', target);
    for (const key of [one, two]) await sign(target, next, key);
    for (const key of [one, two]) await signStep(target, next, key, 2);
    await admit(requestOf(store, [candidateOf(target, subject)], both));
    await admit(requestOf(store, [candidateOf(target, next)], both));
    expect(trustMemory(store).seen(await viewBy([one, two], 2))).toMatchObject({ step: 2 });
  });

  it('F02 E05 is taken anew where what was seen cannot be read, and that is told no more', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 3);
    const store = newStore();
    const path = store.paths.seen(repository, 'latest', (await viewBy([one])).policy);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '{');
    const memory = trustMemory(store);
    const images = [{ candidate: candidateOf(target, subject), policies }];
    const planned = await planAcceptance(images, memory, day(5), 'ada');
    expect(planned).toMatchObject([{ what: ['unreadable'], before: undefined, after: { step: 3 } }]);
    await accept(planned, memory);
    await admit(requestOf(store, [candidateOf(target, subject)], policies));
    expect(checkSeen(store.paths).flatMap((list) => list.faults)).toEqual([]);
    expect(readdirSync(dirname(path))).toHaveLength(1);
  });

  it('writes of the clock once an hour', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 1, { expires: day(10).toISOString() });
    const store = newStore();
    const view = await viewBy([one]);
    const at = async (minutes: number) => {
      const now = new Date(day(5).getTime() + minutes * 60_000);
      await admit(requestOf(store, [candidateOf(target, subject)], policies, now));
      return trustMemory(store).seen(view)?.time;
    };
    const first = await at(0);
    expect(await at(59)).toBe(first);
    expect(await at(61)).not.toBe(first);
  });

  it.skipIf(process.getuid?.() === 0)('is looked at in a store that can only be read', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 1);
    const store = newStore();
    const request = requestOf(store, [candidateOf(target, subject)], policies);
    await admit(request);
    chmodSync(store.paths.root, 0o500);
    await admit(request);
    chmodSync(store.paths.root, 0o700);
  });
});
