import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { peersMissing } from '../support/peers.js';
import { newUser, program, run, type User } from './cli.js';

const password = 'correct horse';
const environment = { ENGINESHED_SIGNING_PASSWORD: password };

async function startRegistry(): Promise<ScriptedRegistry> {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  return registry;
}

/** A user with two pairs of keys, and an image. */
async function signer(image: string) {
  const user = newUser();
  mkdirSync(`${user.work}/content`);
  writeFileSync(`${user.work}/content/file`, 'content');
  const { digest } = await user.json(['publish', 'content', image]);
  const keys = await user.json(['trust', 'generate-key-pair'], { environment });
  const others = await user.json(['trust', 'generate-key-pair', 'other'], { environment });
  const sign = (...more: string[]) => user.json(['trust', 'sign', image, ...more], { environment });
  return { user, image, digest: digest as string, keys, others, sign };
}

const key = ['--key', 'engineshed.key'];
const pub = ['--key', 'engineshed.pub'];

it('makes a pair of keys that only its user can read, and never in the place of another', async () => {
  const user = newUser();
  const made = await user.json(['trust', 'generate-key-pair'], { environment });
  expect(made).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{64}$/),
    privateKey: `${user.work}/engineshed.key`,
    publicKey: `${user.work}/engineshed.pub`,
  });
  expect(statSync(made.privateKey).mode & 0o777).toBe(0o600);
  expect(readFileSync(made.privateKey, 'utf8')).toContain('ENCRYPTED SIGSTORE PRIVATE KEY');
  const before = readFileSync(made.privateKey, 'utf8');
  expect(await user.engineshed(['trust', 'generate-key-pair'], { environment })).toMatchObject({
    status: 74,
  });
  expect(readFileSync(made.privateKey, 'utf8')).toBe(before);
  const pem = readFileSync(made.publicKey, 'utf8');
  expect(await user.output(['trust', 'public-key', ...key], { environment })).toBe(pem);
  expect(await user.json(['trust', 'public-key', ...key], { environment })).toEqual({ id: made.id, pem });
  // One of the two is enough to be in the way, and then neither is made.
  writeFileSync(`${user.work}/half.pub`, '');
  expect(await user.engineshed(['trust', 'generate-key-pair', 'half'], { environment })).toMatchObject({
    status: 74,
  });
  expect(readdirSync(user.work).sort()).toEqual(['engineshed.key', 'engineshed.pub', 'half.pub']);
  // And nobody types a passphrase for nothing.
  expect(await user.engineshed(['trust', 'generate-key-pair', 'half'])).toMatchObject({ status: 74 });
  const nowhere = await user.engineshed(['trust', 'generate-key-pair', 'no/where/a'], { environment });
  expect([nowhere.status, nowhere.stderr]).toEqual([
    66,
    expect.stringContaining(`There is no directory ${user.work}/no/where for the pair of keys`),
  ]);
  const shown = await user.output(['trust', 'generate-key-pair', 'shown'], { environment });
  expect(shown.split('\n').map((line) => line.search(/ {2}\S/))).toEqual([9, 9, 9, -1]);
  const empty = { ENGINESHED_SIGNING_PASSWORD: '' };
  expect(await user.engineshed(['trust', 'generate-key-pair', 'x'], { environment: empty })).toMatchObject({
    status: 64,
  });
  const nobody = await user.engineshed(['trust', 'generate-key-pair', 'x']);
  expect(nobody).toMatchObject({ status: 64 });
  expect(nobody.stderr).toContain('ENGINESHED_SIGNING_PASSWORD');
  const piped = ['trust', 'generate-key-pair', 'piped', '--password-stdin'];
  await user.output(piped, { input: `${password}\n` });
  expect(readdirSync(user.work)).toContain('piped.key');
});

it.skipIf(peersMissing('python3'))(
  'asks for the passphrase on a terminal, twice for a new key, and shows nothing',
  async () => {
    const { user, image } = await signer('oci:layout:1');
    const terminal = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
    const typed = (args: string[], steps: [string, string][]) =>
      run('python3', [terminal, process.execPath, program, ...args], {
        directory: user.work,
        environment: user.environment,
        input: JSON.stringify(steps),
      });
    const asked = await typed(
      ['trust', 'generate-key-pair', 'typed'],
      [
        ['', 'new private key: '],
        [`${password}\r`, 'again: '],
        [`${password}\r`, 'typed.pub'],
      ],
    );
    expect([asked.status, asked.stdout]).toEqual([0, asked.stdout]);
    const signed = await typed(
      ['trust', 'sign', image, '--key', 'typed.key'],
      [
        ['', 'Passphrase of typed.key: '],
        [`${password}\r`, 'signed oci:layout@'],
      ],
    );
    expect([signed.status, signed.stdout]).toEqual([0, signed.stdout]);
    expect(asked.stdout + signed.stdout).not.toContain(password);
    const different = await typed(
      ['trust', 'generate-key-pair', 'two'],
      [
        ['', 'new private key: '],
        ['one\r', 'again: '],
        ['two\r', 'not the same'],
      ],
    );
    expect([different.status, different.stdout]).toEqual([0, different.stdout]);
    expect(readdirSync(user.work)).not.toContain('two.key');
  },
);

it('signs a digest once with each key, and verifies it', async () => {
  const registry = await startRegistry();
  const { user, image, digest, keys, others, sign } = await signer(`${registry.host}/acme/engine:1`);
  const verify = (...more: string[]) => user.json(['trust', 'verify', image, ...more]);
  const at = image.replace(/:1$/, `@${digest}`);
  registry.requests.length = 0;
  expect(await sign(...key, '--dry-run')).toEqual({
    dryRun: true,
    reference: at,
    digest,
    key: keys.id,
    signature: null,
    signed: true,
  });
  expect(registry.requests.every(({ method }) => ['GET', 'HEAD'].includes(method))).toBe(true);
  const unsigned = await user.engineshed(['trust', 'verify', image, ...pub, '--json']);
  expect(unsigned).toMatchObject({ status: 76, stdout: '' });
  expect(JSON.parse(unsigned.stderr).error.code).toBe('SIGNATURE_MISSING');

  const first = await sign(...key);
  expect(first).toMatchObject({ reference: at, digest, key: keys.id, signed: true });
  expect(await sign(...key)).toEqual({ ...first, signed: false });
  expect(await sign(...key, '--dry-run')).toEqual({ dryRun: true, ...first, signed: false });
  const signers = [{ id: keys.id, key: 'engineshed.pub' }];
  expect(await verify(...pub)).toEqual({
    threshold: 1,
    images: [{ image: `${image}@${digest}`, digest, signers, unread: 0 }],
    directories: [],
  });

  const both = [...pub, '--key', 'other.pub', '--threshold', '2'];
  const short = await user.engineshed(['trust', 'verify', image, ...both]);
  expect(short).toMatchObject({ status: 76, stdout: '' });
  await sign('--key', 'other.key');
  expect((await verify(...both)).images[0].signers.map(({ id }: { id: string }) => id)).toEqual([
    keys.id,
    others.id,
  ]);
  expect(await user.engineshed(['trust', 'verify', image, ...pub, '--threshold', '2'])).toMatchObject({
    status: 64,
  });
  expect(await user.engineshed(['trust', 'verify', image, ...pub, '--threshold', '0'])).toMatchObject({
    status: 64,
  });

  // What the tag leads to next is not signed because the last was.
  writeFileSync(`${user.work}/content/file`, 'other content');
  await user.output(['publish', 'content', image]);
  expect(await user.engineshed(['trust', 'verify', image, ...pub])).toMatchObject({ status: 76 });
});

it('F01 takes no key but a public one to verify, and says whose passphrase is wrong', async () => {
  const { user, image, sign } = await signer('oci:layout:1');
  await sign(...key);
  const private_ = await user.engineshed(['trust', 'verify', image, ...key]);
  expect(private_).toMatchObject({ status: 65 });
  expect(private_.stderr).toContain('engineshed.key is a private key');
  expect(await user.engineshed(['trust', 'verify', image, '--key', 'none.pub'])).toMatchObject({
    status: 66,
  });
  const wrong = { ENGINESHED_SIGNING_PASSWORD: 'hunter2hunter2' };
  const locked = await user.engineshed(['trust', 'sign', image, '--key', 'other.key'], {
    environment: wrong,
  });
  expect(locked).toMatchObject({ status: 77 });
  expect(locked.stderr).toContain('The passphrase does not open other.key');
  expect(locked.stderr + locked.stdout).not.toContain('hunter2');
  expect(await user.engineshed(['trust', 'sign', image], { environment })).toMatchObject({ status: 64 });
});

it('takes the key from the environment, as a path or as the key itself', async () => {
  const { user, image, digest, keys } = await signer('oci:layout:1');
  const pem = readFileSync(keys.privateKey, 'utf8');
  for (const ENGINESHED_SIGNING_KEY of ['engineshed.key', pem]) {
    const planned = await user.json(['trust', 'sign', image, '--dry-run'], {
      environment: { ...environment, ENGINESHED_SIGNING_KEY },
    });
    expect(planned).toMatchObject({ digest, key: keys.id });
  }
  // Others see arguments.
  const shown = await user.engineshed(['trust', 'sign', image, '--key', pem], { environment });
  expect(shown).toMatchObject({ status: 64 });
  expect(shown.stderr).not.toContain('-----BEGIN');
  const broken = { ...environment, ENGINESHED_SIGNING_KEY: pem.replace(/\n.{9}/, '\n') };
  const result = await user.engineshed(['trust', 'sign', image], { environment: broken });
  expect(result).toMatchObject({ status: 65 });
  expect(result.stderr).toContain('the key in ENGINESHED_SIGNING_KEY');
  for (const line of pem.split('\n').slice(1, -2)) expect(result.stderr).not.toContain(line);
});

it('F03 verifies a copy with its signatures in a file, and not one without them', async () => {
  const registry = await startRegistry();
  const { user, image, digest, sign } = await signer(`${registry.host}/acme/engine:1`);
  await sign(...key);
  await user.output(['copy', image, 'oci-archive:with.tar:1', '--referrers']);
  await user.output(['copy', image, 'oci-archive:without.tar:1']);
  await registry.close();
  const verified = await user.json(['trust', 'verify', 'oci-archive:with.tar:1', ...pub]);
  expect(verified.images).toMatchObject([{ digest }]);
  const stripped = await user.engineshed(['trust', 'verify', 'oci-archive:without.tar:1', ...pub]);
  expect(stripped).toMatchObject({ status: 76 });
  expect(stripped.stderr).toContain('--referrers');
  const archive = await user.engineshed(['trust', 'sign', 'oci-archive:with.tar:1', ...key], { environment });
  expect(archive).toMatchObject({ status: 64 });
});

it('F03 verifies every image of an exported engine without a network, also where an index was signed', async () => {
  const registry = await startRegistry();
  const image = `${registry.host}/acme/wrapper`;
  const { user, sign } = await signer(`${registry.host}/acme/plugin:1`);
  writeFileSync(`${user.work}/content/file`, 'other content');
  for (const system of ['linux', 'windows'])
    await user.output(['publish', 'content', `${image}:${system}`, '--platform', `${system}/amd64`]);
  const index = await user.json(['index', `${image}:1`, `${image}:linux`, `${image}:windows`]);
  writeFileSync(
    `${user.work}/engineshed.toml`,
    `[engines.acme.sources]
wrapper = { image = "${image}:1" }
plugin = { image = "${registry.host}/acme/plugin:1" }
[engines.acme.parts]
wrapper = { source = "wrapper" }
[engines.acme.environment]
WRAPPER = { part = "wrapper" }
`,
  );
  const exporting = (file: string) =>
    user.json(['export', 'acme', file, '--platform', 'linux/amd64', '--referrers']);
  expect(await exporting('unsigned.tar')).toMatchObject({ referrers: 0 });
  await sign(...key);
  await exporting('half.tar');
  await user.output(['trust', 'sign', `${image}:1`, ...key], { environment });
  expect(await exporting('signed.tar')).toMatchObject({ referrers: 2 });
  // Who has a policy is told what the file lacks.
  appendFileSync(
    `${user.work}/engineshed.toml`,
    '[trust.acme]\nengines = ["acme"]\nkeys = ["engineshed.pub"]\n',
  );
  const warned = async (...more: string[]) =>
    (await user.engineshed(['export', 'acme', 'x.tar', '--replace', ...more])).stderr.includes(
      'a policy asks',
    );
  expect([await warned(), await warned('--referrers')]).toEqual([true, false]);
  await registry.close();

  const site: User = newUser();
  const verify = (file: string) =>
    site.engineshed([
      'trust',
      'verify',
      `oci-archive:${user.work}/${file}`,
      '--key',
      `${user.work}/engineshed.pub`,
      '--json',
    ]);
  const signed = await verify('signed.tar');
  expect([signed.status, signed.stderr]).toEqual([0, '']);
  const { images } = JSON.parse(signed.stdout);
  expect(images.map(({ image }: { image: string }) => image).sort()).toEqual([
    'plugin of acme',
    'wrapper of acme',
  ]);
  expect(images.some(({ digest }: { digest: string }) => digest === index.digest)).toBe(false);
  for (const file of ['unsigned.tar', 'half.tar']) {
    const refused = await verify(file);
    expect([file, refused.status]).toEqual([file, 76]);
    expect(JSON.parse(refused.stderr).error.code).toBe('SIGNATURE_MISSING');
  }
  await site.output(['import', `${user.work}/signed.tar`]);
});
