import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copy, streamOf, type Target } from '../../src/content/index.js';
import { buildIndex, type Descriptor } from '../../src/oci/index.js';
import { offlineTarget } from '../../src/store/offline.js';
import { checkSeen, trustMemory } from '../../src/store/trust-memory.js';
import { accept, planAcceptance } from '../../src/trust/accept.js';
import {
  admit,
  readPolicyKeys,
  type SigningKey,
  signImage,
  type TrustPolicy,
  viewOf,
} from '../../src/trust/index.js';
import { candidateOf, newStore, policyOf, repository, requestOf, signStep } from '../support/policies.js';
import { scripted, target as targetIn } from '../support/registry-client.js';
import { newKey, pushedImage } from '../support/signing.js';
import { temporaryDirectory } from '../support/temporary.js';

const [one, two] = [newKey('one.pub'), newKey('two.pub')];
const created = '2026-01-01T00:00:00Z';
const sign = (target: Target, subject: Descriptor, key = one) =>
  signImage(target, { subject, name: undefined, created, key });
const day = (number: number) => new Date(Date.UTC(2026, 0, number));

/** A place that tells how often what is attached to images was listed. */
function counting(target: Target) {
  const asked: string[] = [];
  const counted: Target = {
    ...target,
    referrers(subject, type) {
      asked.push(subject.digest);
      return target.referrers(subject, type);
    },
  };
  return { counted, asked };
}

/** How the channel is seen by who trusts these keys. */
const viewBy = async (keys: readonly SigningKey[], threshold = 1) =>
  viewOf({ place: repository, tag: 'latest' }, await readPolicyKeys(policyOf(keys, { threshold })));

/** What a registry is that keeps signatures back. */
function stripped(target: Target): Target {
  return { ...target, async *referrers() {} };
}

describe('an image', () => {
  it('comes in without a policy, and nobody is asked', async () => {
    const { target, subject } = await pushedImage('one');
    const { counted, asked } = counting(target);
    const other = policyOf([one], { engines: ['other'], images: ['registry.example/other/*'] });
    const request = requestOf(newStore(), [candidateOf(counted, subject)], [other]);
    const admission = await admit({
      ...request,
      memory: () => {
        throw new Error('nothing is opened');
      },
    });
    expect(asked).toEqual([]);
    expect(admission.covers(subject.digest)).toBe(true);
    expect(admission.covers((await pushedImage('two')).subject.digest)).toBe(false);
  });

  it('F01 is signed as every policy for it demands', async () => {
    const { target, subject } = await pushedImage('one');
    const byImage = policyOf([two], { name: 'image', engines: [], images: ['registry.example/*/base'] });
    const request = requestOf(newStore(), [candidateOf(target, subject)], [policyOf([one]), byImage]);
    await expect(admit(request)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await sign(target, subject, one);
    await expect(admit(request)).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('the policy "image" of test'),
    });
    await sign(target, subject, two);
    await admit(request);
  });

  it('F01 is signed by so many different keys', async () => {
    const { target, subject } = await pushedImage('one');
    const candidates = [candidateOf(target, subject)];
    const both = policyOf([one, two], { threshold: 2 });
    const store = newStore();
    await sign(target, subject, one);
    await expect(admit(requestOf(store, candidates, [both]))).rejects.toMatchObject({
      code: 'SIGNATURE_MISSING',
    });
    // One key twice is one.
    await expect(
      admit(requestOf(store, candidates, [policyOf([one, one], { threshold: 2 })])),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await sign(target, subject, two);
    await admit(requestOf(store, candidates, [both]));
  });

  it('F01 of an index is signed by itself, or by the index, and on each platform for itself', async () => {
    const { target, subject: linux } = await pushedImage('one');
    const { subject: darwin } = await pushedImage('two', target);
    const platforms = [linux, darwin].map((image, at) => ({
      descriptor: image,
      platform: { os: at === 0 ? 'linux' : 'darwin', architecture: 'amd64' },
    }));
    const { descriptor, bytes } = buildIndex(platforms, {});
    await target.push(descriptor, async () => streamOf(bytes));
    const store = newStore();
    const wanted = (manifest: Descriptor) =>
      requestOf(store, [candidateOf(target, manifest, { resolved: descriptor.digest })], [policyOf([one])]);
    await sign(target, linux);
    await admit(wanted(linux));
    // What is remembered of one platform says nothing of another.
    await expect(admit(wanted(darwin))).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await sign(target, descriptor);
    await admit(wanted(darwin));
  });

  it('F03 stays out where its signatures are kept back', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    const store = newStore();
    const hidden = requestOf(store, [candidateOf(stripped(target), subject)], [policyOf([one])]);
    await expect(admit(hidden)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    // Seen once, they are known.
    await admit(requestOf(store, [candidateOf(target, subject)], [policyOf([one])]));
    await admit(hidden);
    // By another policy they are looked at anew.
    await expect(admit({ ...hidden, policies: [policyOf([two])] })).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    });
  });

  it('is known without the network, where it was verified before', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    await signStep(target, subject, one, 3, { expires: day(10).toISOString() });
    const store = newStore();
    const away = offlineTarget(store, {
      transport: 'registry',
      registry: 'registry.example',
      repository: 'acme/base',
    });
    const policies = [policyOf([one], { channel: true })];
    const offline = (now: Date) => requestOf(store, [candidateOf(away, subject)], policies, now);
    await expect(admit(offline(day(5)))).rejects.toMatchObject({ code: 'OFFLINE' });
    await admit(requestOf(store, [candidateOf(target, subject)], policies, day(5)));
    await admit(offline(day(9)));
    await expect(admit(offline(day(11)))).rejects.toMatchObject({ code: 'CHANNEL_EXPIRED' });
  });

  it('is looked at once for all sources that are made of it', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    const { counted, asked } = counting(target);
    const candidates = [1, 2, 3].map(() => candidateOf(counted, subject));
    const store = newStore();
    await admit(requestOf(store, candidates, [policyOf([one])]));
    await admit(requestOf(store, candidates, [policyOf([one])]));
    expect(asked).toEqual([subject.digest]);
  });

  it('costs few requests the first time, and none afterwards but for steps that are new', async () => {
    const registry = await scripted();
    const target = targetIn(registry);
    const { target: memory, subject } = await pushedImage('one');
    const bring = () => copy(memory, subject, targetIn(registry), { tags: ['latest'], referrers: 'bring' });
    await sign(memory, subject);
    await signStep(memory, subject, one, 1);
    await bring();
    const store = newStore();
    const signed = [policyOf([one])];
    const proven = [policyOf([one], { channel: true })];
    const cost = async (policies: readonly TrustPolicy[]) => {
      const before = registry.log.length;
      await admit(requestOf(store, [candidateOf(target, subject)], policies));
      return registry.log.length - before;
    };
    // The list, and of each statement manifest and bundle.
    expect(await cost(proven)).toBe(5);
    expect([await cost(signed), await cost(proven)]).toEqual([0, 1]);
    await signStep(memory, subject, one, 2);
    await bring();
    expect([await cost(proven), await cost(proven)]).toEqual([3, 1]);
  });

  it('F02 does not lead back to what came between two steps of one image', async () => {
    const { target, subject } = await pushedImage('one');
    const { subject: between } = await pushedImage('two', target);
    for (const image of [subject, between]) await sign(target, image);
    await signStep(target, subject, one, 1);
    const store = newStore();
    const policies = [policyOf([one], { channel: true })];
    const follow = (image: Descriptor) => admit(requestOf(store, [candidateOf(target, image)], policies));
    await follow(subject);
    await signStep(target, between, one, 2);
    await signStep(target, subject, one, 3);
    // Whoever looks now sees the third step, though the first would do.
    await follow(subject);
    await expect(follow(between)).rejects.toMatchObject({ code: 'CHANNEL_ROLLBACK' });
  });
});

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
      (path: string) =>
        writeFileSync(
          path,
          JSON.stringify({
            version: 1,
            place: repository,
            tag: 'other',
            channel: 'other',
            step: 1,
            digest: `sha256:${'0'.repeat(64)}`,
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
      const path = store.paths.seen(repository, 'latest', (await viewBy(keys)).policy);
      mkdirSync(dirname(path), { recursive: true });
      damage(path);
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

describe('the keys of a policy', () => {
  it('are read from files, and a file that is none is told with the policy', async () => {
    const { target, subject } = await pushedImage('one');
    await sign(target, subject);
    const directory = temporaryDirectory();
    const pem = one.public.key.export({ type: 'spki', format: 'pem' }).toString();
    writeFileSync(`${directory}/one.pub`, pem);
    writeFileSync(`${directory}/none.pub`, 'none');
    const request = (file: string) =>
      requestOf(
        newStore(),
        [candidateOf(target, subject)],
        [policyOf([], { keys: [{ kind: 'file', path: `${directory}/${file}` }] })],
      );
    await admit(request('one.pub'));
    for (const [file, code] of [
      ['none.pub', 'KEY_INVALID'],
      ['gone.pub', 'PATH_NOT_FOUND'],
    ] as const)
      await expect(admit(request(file))).rejects.toMatchObject({
        code,
        message: expect.stringContaining('the policy "acme" of test'),
      });
    expect(readdirSync(directory)).toHaveLength(2);
  });
});
