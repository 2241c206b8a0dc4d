import { describe, expect, it } from 'vitest';
import { memoryTarget, readAll, readManifest, streamOf, type Target } from '../../src/content/index.js';
import {
  buildArtifact,
  buildImage,
  type Descriptor,
  describe as describeBytes,
} from '../../src/oci/index.js';
import { attachTestResult, findTestVerdict, type TestOutcome, testResult } from '../../src/release/index.js';

const tests = ['one', 'two'].map((name) => ({ name, command: ['true'], timeoutMs: 1000, alone: false }));
const outcome = (name: string, passed: boolean): TestOutcome => ({
  name,
  passed,
  status: passed ? 0 : 1,
  fault: passed ? undefined : 'it ended with status 1',
  durationMs: 1,
  output: '',
});

async function pushImage(target: Target, name: string): Promise<Descriptor> {
  const parts = { layers: [], platform: { os: 'linux', architecture: 'amd64' }, createdBy: 'a test' };
  const { config, manifest } = buildImage({ ...parts, annotations: { name } });
  for (const { descriptor, bytes } of [config, manifest])
    await target.push(descriptor, async () => streamOf(bytes));
  return manifest.descriptor;
}

const attach = (target: Target, subject: Descriptor, outcomes: TestOutcome[], at = '1') =>
  attachTestResult(target, {
    subject,
    name: 'a/b',
    tests,
    result: testResult(outcomes),
    created: `2026-01-0${at}T00:00:00Z`,
    key: undefined,
  });

describe('what tests said of an image', () => {
  it('is what the latest result with these tests says', async () => {
    const target = memoryTarget();
    const image = await pushImage(target, 'one');
    expect(await findTestVerdict(target, image, tests, [])).toEqual({ kind: 'untested' });
    await attach(target, image, [outcome('one', true), outcome('two', true)], '1');
    expect(await findTestVerdict(target, image, tests, [])).toMatchObject({ kind: 'passed' });
    await attach(target, image, [outcome('one', true), outcome('two', false)], '2');
    expect(await findTestVerdict(target, image, tests, [])).toMatchObject({
      kind: 'failed',
      failedTests: ['two'],
    });
    await attach(target, image, [outcome('one', true), outcome('two', true)], '3');
    expect(await findTestVerdict(target, image, tests, [])).toMatchObject({ kind: 'passed' });
    const [first] = tests;
    const others = [{ ...(first as (typeof tests)[0]), command: ['false'] }];
    expect(await findTestVerdict(target, image, others, [])).toMatchObject({ kind: 'other-tests' });
  });

  it('is nothing where one of them is missing from a result', async () => {
    const target = memoryTarget();
    const image = await pushImage(target, 'one');
    await attach(target, image, [outcome('one', true)]);
    expect(await findTestVerdict(target, image, tests, [])).toMatchObject({
      kind: 'failed',
      failedTests: ['two'],
    });
  });

  it('F01 is nothing that was said of another image, also where the carrier refers to this one', async () => {
    const target = memoryTarget();
    const [image, other] = [await pushImage(target, 'one'), await pushImage(target, 'other')];
    const carrier = await attach(target, other, [outcome('one', true), outcome('two', true)]);
    const { parsed } = await readManifest(target, carrier);
    if (parsed.kind === 'index') throw new Error('no manifest');
    const { layers, annotations = {}, artifactType = '' } = parsed.manifest;
    const forged = buildArtifact({ artifactType, layers, subject: image, annotations });
    await target.push(forged.descriptor, async () => streamOf(forged.bytes));
    expect(await findTestVerdict(target, image, tests, [])).toEqual({ kind: 'untested' });
  });

  it('is nothing where it is malformed', async () => {
    const target = memoryTarget();
    const image = await pushImage(target, 'one');
    const carrier = await attach(target, image, [outcome('one', true), outcome('two', true)]);
    const { parsed } = await readManifest(target, carrier);
    if (parsed.kind === 'index') throw new Error('no manifest');
    const { annotations = {}, artifactType = '', layers } = parsed.manifest;
    const [layer] = layers as [Descriptor];
    const text = Buffer.from(await readAll(await target.fetch(layer), layer, 1e6)).toString();
    const empty = memoryTarget();
    await pushImage(empty, 'one');
    for (const broken of [text.slice(1), text.replace('"PASSED"', '7'), '{"predicate":1}', '[]']) {
      const bytes = Buffer.from(broken);
      const blob = describeBytes(layer.mediaType, bytes);
      const made = buildArtifact({ artifactType, layers: [blob], subject: image, annotations });
      await empty.push(blob, async () => streamOf(bytes));
      await empty.push(made.descriptor, async () => streamOf(made.bytes));
    }
    expect(await findTestVerdict(empty, image, tests, [])).toEqual({ kind: 'untested' });
  });

  it('F03 is refused where somebody attached too many', async () => {
    const target = memoryTarget();
    const image = await pushImage(target, 'one');
    for (let at = 0; at <= 200; at++)
      await attach(target, image, [outcome('one', true), outcome('two', true)], `1-${at}`);
    await expect(findTestVerdict(target, image, tests, [])).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
  });
});
