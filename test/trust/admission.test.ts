import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copy, streamOf, type Target } from '../../src/content/index.js';
import { buildIndex, type Descriptor } from '../../src/oci/index.js';
import { offlineTarget } from '../../src/store/offline.js';
import { admit, type TrustPolicy } from '../../src/trust/index.js';
import { candidateOf, newStore, policyOf, requestOf, signStep } from '../support/policies.js';
import { scripted, target as targetIn } from '../support/registry-client.js';
import { pushedImage } from '../support/signing.js';
import { temporaryDirectory } from '../support/temporary.js';
import { day, one, sign, two } from './admitting.js';

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

/** What a registry is that keeps signatures back. */
function stripped(target: Target): Target {
  return { ...target, async *referrers() {} };
}
