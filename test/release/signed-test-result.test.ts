import { describe, expect, it } from 'vitest';
import { readAll, readManifest, type Target } from '../../src/content/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { attachTestResult, findTestVerdict, type TestVerdict } from '../../src/release/index.js';
import { bundleType } from '../../src/trust/bundle.js';
import { attachSigned, type ReadPolicy, type SigningKey } from '../../src/trust/index.js';
import { readPolicyOf } from '../support/policies.js';
import { newKey, pushBundle, pushedImage } from '../support/signing.js';

const testResultType = 'https://in-toto.io/attestation/test-result/v0.1';
const [one, two, stranger] = [newKey('one.pub'), newKey('two.pub'), newKey('stranger.pub')];
const policy = readPolicyOf([one, two]);

const testNamed = (name: string, command = 'true') => ({
  name,
  command: [command],
  timeoutMs: 1000,
  alone: false,
});
const tests = ['installs', 'deploys'].map((name) => testNamed(name));

/** What a run of the tests attaches, by the day of January that it ended on. */
async function record(
  { target, subject }: { readonly target: Target; readonly subject: Descriptor },
  day: number,
  {
    key,
    failed = [],
    run = tests,
  }: { key?: SigningKey; failed?: readonly string[]; run?: typeof tests } = {},
): Promise<Descriptor> {
  const names = run.map(({ name }) => name);
  return attachTestResult(target, {
    subject,
    name: 'acme/base',
    tests: run,
    result: {
      result: failed.length === 0 ? 'PASSED' : 'FAILED',
      passedTests: names.filter((name) => !failed.includes(name)),
      failedTests: failed,
    },
    created: `2026-01-${String(day).padStart(2, '0')}T00:00:00.000Z`,
    key,
  });
}

/** The verdict under policies, that of the two keys unless told. */
const verdict = (
  { target, subject }: { readonly target: Target; readonly subject: Descriptor },
  policies: readonly ReadPolicy[] = [policy],
): Promise<TestVerdict> => findTestVerdict(target, subject, tests, policies);

/** Attaches the bundle of a carrier anew: to another image, or with other annotations. */
async function attachAgain(target: Target, carrier: Descriptor, subject: Descriptor, created: string) {
  const { parsed } = await readManifest(target, carrier);
  if (parsed.kind === 'index') throw new Error('no manifest');
  const layer = parsed.manifest.layers.find(({ mediaType }) => mediaType === bundleType) as Descriptor;
  const bundle = Buffer.from(await readAll(await target.fetch(layer), layer, 1e6));
  const annotations = { ...parsed.manifest.annotations, 'org.opencontainers.image.created': created };
  return pushBundle(target, subject, bundle, { annotations });
}

describe('a test result under a policy', () => {
  it('F01 counts where a key of the policy signed it, and not by anybody else', async () => {
    const image = await pushedImage('one');
    expect(await verdict(image)).toEqual({ kind: 'untested' });
    await record(image, 1);
    expect(await verdict(image)).toMatchObject({
      kind: 'unsigned',
      says: 'passed',
      signature: 'none',
      policy,
    });
    await record(image, 2, { key: stranger });
    expect(await verdict(image)).toMatchObject({ kind: 'unsigned', says: 'passed', signature: 'unknown' });
    await record(image, 3, { key: two });
    expect(await verdict(image)).toEqual({ kind: 'passed', when: '2026-01-03T00:00:00.000Z' });
    // Without a policy the latest counts, whoever attached it.
    await record(image, 4, { key: stranger, failed: ['deploys'] });
    expect(await verdict(image, [])).toMatchObject({ kind: 'failed', failedTests: ['deploys'] });
  });

  it('F01 lets nobody without a key block a release that passed', async () => {
    const image = await pushedImage('one');
    await record(image, 1, { key: one });
    await record(image, 2, { failed: ['deploys'] });
    await record(image, 3, { key: stranger, failed: ['deploys'] });
    expect(await verdict(image)).toMatchObject({ kind: 'passed' });
    // Each key of the policy can: what failed for one of them is not good.
    await record(image, 4, { key: two, failed: ['deploys'] });
    expect(await verdict(image)).toMatchObject({ kind: 'failed', failedTests: ['deploys'] });
    await record(image, 5, { failed: [] });
    expect(await verdict(image)).toMatchObject({ kind: 'failed' });
  });

  it('F03 is found however many others attach', async () => {
    const image = await pushedImage('one');
    await record(image, 1, { key: one });
    for (let at = 0; at <= 200; at++) await record(image, 2, { failed: [`${at}`] });
    expect(await verdict(image)).toMatchObject({ kind: 'passed' });
    await expect(verdict(image, [])).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('F01 needs one for each policy, of one of its keys', async () => {
    const image = await pushedImage('one');
    const [ours, theirs] = [readPolicyOf([one], { threshold: 2 }), readPolicyOf([two], { name: 'theirs' })];
    await record(image, 1, { key: one });
    expect(await verdict(image, [ours])).toMatchObject({ kind: 'passed' });
    for (const policies of [
      [ours, theirs],
      [theirs, ours],
    ])
      expect(await verdict(image, policies)).toMatchObject({
        kind: 'unsigned',
        says: 'passed',
        signature: 'known',
        policy: theirs,
      });
    await record(image, 2, { key: two });
    expect(await verdict(image, [ours, theirs])).toMatchObject({ kind: 'passed' });
    // What fails for one of them is not made good by the other.
    await record(image, 3, { key: one, failed: ['deploys'] });
    await record(image, 4, { key: two });
    expect(await verdict(image, [ours, theirs])).toMatchObject({ kind: 'failed' });
    expect(await verdict(image, [theirs, ours])).toMatchObject({ kind: 'failed' });
  });

  it('F02 is the newest by its own word: one that passed before is not played back', async () => {
    const image = await pushedImage('one');
    const passed = await record(image, 1, { key: one });
    await record(image, 2, { key: one, failed: ['deploys'] });
    await attachAgain(image.target, passed, image.subject, '2026-01-09T00:00:00Z');
    expect(await verdict(image)).toMatchObject({ kind: 'failed', when: '2026-01-02T00:00:00.000Z' });
    expect(await verdict(image, [])).toMatchObject({ kind: 'failed' });
    // Of two at one time the worse, in whatever order they came.
    await record(image, 2, { key: two });
    expect(await verdict(image)).toMatchObject({ kind: 'failed' });
    const other = await pushedImage('other');
    for (const failed of [[], ['deploys'], []]) await record(other, 2, { key: one, failed });
    expect(await verdict(other)).toMatchObject({ kind: 'failed' });
    await record(image, 3, { key: one });
    expect(await verdict(image)).toMatchObject({ kind: 'passed' });
  });

  it('F02 says nothing where it does not say itself when that was', async () => {
    const { target, subject } = await pushedImage('one');
    const signed = await record({ target, subject }, 1, { key: one });
    const { parsed } = await readManifest(target, signed);
    const [layer] = (parsed.kind === 'index' ? [] : parsed.manifest.layers) as [Descriptor];
    const bundle = JSON.parse(Buffer.from(await readAll(await target.fetch(layer), layer, 1e6)).toString());
    const { predicate } = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
    for (const testedAt of [undefined, 'yesterday']) {
      const other = await pushedImage('other');
      await attachSigned(other.target, {
        subject: other.subject,
        predicateType: testResultType,
        predicate: JSON.parse(JSON.stringify({ ...predicate, testedAt })),
        created: '2026-01-09T00:00:00Z',
        key: one,
      });
      expect(await verdict(other)).toEqual({ kind: 'untested' });
    }
  });

  it('F01 is about one image and one list of tests', async () => {
    const image = await pushedImage('one');
    const other = await pushedImage('other', image.target);
    const elsewhere = await record(other, 1, { key: one });
    await attachAgain(image.target, elsewhere, image.subject, '2026-01-01T00:00:00Z');
    expect(await verdict(image)).toEqual({ kind: 'untested' });
    // Of an older list, and of another test under the same name.
    for (const run of [tests.slice(0, 1), tests.map(({ name }) => testNamed(name, 'false'))]) {
      const weaker = await pushedImage(`weaker-${run.length}`);
      await record(weaker, 1, { key: one, run });
      expect(await verdict(weaker)).toMatchObject({ kind: 'other-tests' });
      await record(weaker, 2);
      expect(await verdict(weaker)).toMatchObject({ kind: 'unsigned' });
    }
  });
});
