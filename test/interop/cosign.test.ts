import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copy } from '../../src/content/index.js';
import { removeTree } from '../../src/layer/index.js';
import { attachTestResult, findTestVerdict } from '../../src/release/index.js';
import {
  attachSigned,
  generateKeyPair,
  imageSignatureType,
  parsePrivateKey,
  parsePublicKey,
  readSigned,
} from '../../src/trust/index.js';
import { image } from '../conformance/target.js';
import { peersMissing, runPeer } from '../support/peers.js';
import { readPolicyOf } from '../support/policies.js';
import { client, reference } from '../support/registry-client.js';
import { type RunningRegistry, registryKinds } from './registries.js';

const password = 'correct horse';
let directory: string;
/** A pair that cosign made, and one that we made. */
let pairs: { readonly of: string; readonly key: string; readonly pub: string }[];

function cosign(...args: readonly string[]): Promise<string> {
  const environment = { COSIGN_PASSWORD: password, HOME: directory, COSIGN_YES: 'true' };
  return runPeer('cosign', args, environment);
}

/** Neither a log nor a time stamp: what is signed without a network. */
const offlineSigning = ['--use-signing-config=false', '--tlog-upload=false', '--allow-http-registry'];

describe.skipIf(peersMissing('cosign'))('cosign', () => {
  beforeAll(async () => {
    directory = mkdtempSync(`${tmpdir()}/engineshed-cosign-`);
    await cosign('generate-key-pair', '--output-key-prefix', `${directory}/theirs`);
    const { privatePem, publicPem } = await generateKeyPair(password);
    writeFileSync(`${directory}/ours.key`, privatePem, { mode: 0o600 });
    writeFileSync(`${directory}/ours.pub`, publicPem);
    pairs = ['theirs', 'ours'].map((of) => ({
      of,
      key: `${directory}/${of}.key`,
      pub: `${directory}/${of}.pub`,
    }));
  });
  afterAll(() => removeTree(directory));

  it('takes a key of openssl, which is then the same key for both', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(`${directory}/openssl.pem`, pem, { mode: 0o600 });
    await cosign(
      'import-key-pair',
      '--key',
      `${directory}/openssl.pem`,
      '--output-key-prefix',
      `${directory}/taken`,
    );
    const before = await parsePrivateKey(pem, 'openssl.pem', async () => '');
    const taken = readFileSync(`${directory}/taken.key`, 'utf8');
    const after = await parsePrivateKey(taken, 'taken.key', async () => password);
    expect(after.public.id).toBe(before.public.id);
    expect(parsePublicKey(readFileSync(`${directory}/taken.pub`, 'utf8'), 'taken.pub').id).toBe(
      after.public.id,
    );
  });

  for (const kind of registryKinds) {
    describe.skipIf(peersMissing(...kind.programs))(`with ${kind.name}`, () => {
      let registry: RunningRegistry;
      beforeAll(async () => {
        registry = await kind.start(mkdtempSync(`${directory}/registry-`));
      });
      afterAll(() => registry.close());

      /** An image in a repository of its own. */
      async function pushed(name: string) {
        const { from, root, tag } = await image(name);
        const target = client().repository(reference(registry.host, `acme/${name}`));
        await copy(from, root, target, { tags: [tag] });
        return { target, subject: root, text: `${registry.host}/acme/${name}@${root.digest}` };
      }

      it('F01 accepts what we sign, and nothing by another key', async () => {
        for (const { of, key, pub } of pairs) {
          const { target, subject, text } = await pushed(`signed-by-us-${of}`);
          await attachSigned(target, {
            subject,
            name: text,
            predicateType: imageSignatureType,
            predicate: {},
            created: '2026-01-02T03:04:05Z',
            key: await parsePrivateKey(readFileSync(key, 'utf8'), key, async () => password),
          });
          const verify = (pub: string) =>
            cosign('verify', '--key', pub, '--insecure-ignore-tlog=true', '--allow-http-registry', text);
          const said = JSON.parse(await verify(pub));
          expect(said).toHaveLength(1);
          expect(JSON.stringify(said)).toContain(subject.digest);
          const other = pairs.find((pair) => pair.pub !== pub)?.pub as string;
          await expect(verify(other)).rejects.toThrow(
            /no matching signatures|failed to verify|invalid signature/,
          );
        }
      });

      it('F01 signs what we accept, and nobody else', async () => {
        for (const { of, key, pub } of pairs) {
          const { target, subject, text } = await pushed(`signed-by-cosign-${of}`);
          await cosign('sign', '--key', key, ...offlineSigning, text);
          const trusted = parsePublicKey(readFileSync(pub, 'utf8'), pub);
          const read = await readSigned(target, subject, [trusted], [imageSignatureType]);
          expect(read).toMatchObject({ statements: [{ signers: [trusted.id], predicate: {} }], refused: [] });
          const other = pairs.find((pair) => pair.pub !== pub)?.pub as string;
          const keys = [parsePublicKey(readFileSync(other, 'utf8'), other)];
          const none = await readSigned(target, subject, keys, [imageSignatureType]);
          expect(none).toMatchObject({ statements: [], refused: [{ reason: 'signature' }] });
        }
      });

      it('F01 attests what is no signature of the image, and reads what we attest', async () => {
        const [{ key, pub }] = pairs as [(typeof pairs)[0]];
        const { target, subject, text } = await pushed('attested');
        writeFileSync(`${directory}/predicate.json`, '{"built":"by hand"}');
        const predicateType = 'https://example.com/build/v1';
        const about = ['--predicate', `${directory}/predicate.json`, '--type', predicateType];
        await cosign('attest', '--key', key, ...about, ...offlineSigning, text);
        const trusted = parsePublicKey(readFileSync(pub, 'utf8'), pub);
        const read = await readSigned(target, subject, [trusted], [imageSignatureType]);
        expect(read).toMatchObject({ statements: [], refused: [] });
        const ours = await pushed('attested-by-us');
        const signer = await parsePrivateKey(readFileSync(key, 'utf8'), key, async () => password);
        const created = '2026-01-02T03:04:05Z';
        const predicate = { built: 'here' };
        await attachSigned(ours.target, {
          subject: ours.subject,
          predicateType,
          predicate,
          created,
          key: signer,
        });
        const verified = await cosign(
          'verify-attestation',
          ...['--key', pub, '--type', predicateType],
          ...['--insecure-ignore-tlog=true', '--allow-http-registry', ours.text],
        );
        const { payload } = JSON.parse(verified);
        expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({ predicate });
      });

      it('F01 accepts the test results that we sign, and nothing by another key', async () => {
        const [{ key, pub }, { pub: other }] = pairs as [(typeof pairs)[0], (typeof pairs)[0]];
        const { target, subject, text } = await pushed('tested');
        const tests = [{ name: 'deploys', command: ['true'], timeoutMs: 1000, alone: false }];
        await attachTestResult(target, {
          subject,
          name: text,
          tests,
          result: { result: 'PASSED', passedTests: ['deploys'], failedTests: [] },
          created: '2026-01-02T03:04:05Z',
          key: await parsePrivateKey(readFileSync(key, 'utf8'), key, async () => password),
        });
        const type = 'https://in-toto.io/attestation/test-result/v0.1';
        const verify = (pub: string) =>
          cosign(
            'verify-attestation',
            ...['--key', pub, '--type', type],
            ...['--insecure-ignore-tlog=true', '--allow-http-registry', text],
          );
        const { payload } = JSON.parse(await verify(pub));
        expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ digest: { sha256: subject.digest.slice('sha256:'.length) } }],
          predicateType: type,
          predicate: { result: 'PASSED', passedTests: ['deploys'], testedAt: '2026-01-02T03:04:05Z' },
        });
        await expect(verify(other)).rejects.toThrow(
          /no matching attestations|failed to verify|invalid signature/,
        );
        // It is no signature of the image. To cosign it is: a key signs results only of images that are signed.
        const trusted = parsePublicKey(readFileSync(pub, 'utf8'), pub);
        const read = await readSigned(target, subject, [trusted], [imageSignatureType]);
        expect(read).toMatchObject({ statements: [], refused: [] });
        const taken = await cosign(
          'verify',
          ...['--key', pub, '--insecure-ignore-tlog=true', '--allow-http-registry', text],
        );
        expect(JSON.parse(taken)).toMatchObject([{ critical: { type } }]);
        const policies = [readPolicyOf([], { keys: [trusted] })];
        expect(await findTestVerdict(target, subject, tests, policies)).toMatchObject({ kind: 'passed' });
      });

      it('F01 attests in a form of its own, which is no result of tests here', async () => {
        const [{ key, pub }] = pairs as [(typeof pairs)[0]];
        const { target, subject, text } = await pushed('tested-by-cosign');
        const predicate = {
          result: 'PASSED',
          configuration: [],
          passedTests: [],
          testedAt: '2026-01-02T03:04:05Z',
        };
        writeFileSync(`${directory}/result.json`, JSON.stringify(predicate));
        const type = 'https://in-toto.io/attestation/test-result/v0.1';
        const about = ['--predicate', `${directory}/result.json`, '--type', type];
        await cosign('attest', '--key', key, ...about, ...offlineSigning, text);
        const policies = [readPolicyOf([], { keys: [parsePublicKey(readFileSync(pub, 'utf8'), pub)] })];
        expect(await findTestVerdict(target, subject, [], policies)).toEqual({ kind: 'untested' });
      });
    });
  }
});
