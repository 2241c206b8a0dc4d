import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newUser } from './cli.js';
import { clientOf, environment, key, publisherOf, refusal } from './publisher.js';

it('F01 F02 takes what its publisher signed, in the order in which it was promoted, and nothing else', async () => {
  const { publisher, base, change, build, sign, promote, moveTag } = await publisherOf();
  const client = clientOf(publisher, base);
  const first = await build();
  await promote(first, '1.0.0');

  // Nothing of an image that is not signed comes in.
  expect(await refusal(client, 'install', 'train')).toMatchObject({ status: 76, code: 'SIGNATURE_MISSING' });
  expect(existsSync(`${client.store}/engines/train`)).toBe(false);
  await sign(first);
  // Signed, but nobody said where the channel leads.
  expect(await refusal(client, 'install', 'train')).toMatchObject({ status: 76, code: 'CHANNEL_UNPROVEN' });
  expect(await promote(first, '1.0.0', ...key)).toMatchObject({ tags: [], step: 2, changed: true });
  expect(await promote(first, '1.0.0', ...key)).toMatchObject({ step: null, changed: false });
  const planned = await client.json(['install', 'train', '--dry-run']);
  expect(planned).toMatchObject({ dryRun: true, upToDate: false });
  expect(existsSync(`${client.store}/seen`)).toBe(false);
  expect(await client.json(['install', 'train'])).toMatchObject({ activated: true });

  await change('two');
  const second = await build();
  await sign(second);
  await promote(second, '1.1.0', ...key);
  expect(await client.json(['update', 'train'])).toMatchObject({ sources: { base: { resolved: second } } });
  const { steps, complete } = await publisher.json(['release', 'history', 'train']);
  expect(complete).toBe(true);
  expect(steps).toMatchObject([
    { step: 3, signature: 'unknown', version: '1.1.0' },
    { step: 2, signature: 'unknown' },
    { step: 1, signature: 'none' },
  ]);

  // Somebody moves the tag back to an old release, with faults that are known.
  await moveTag('latest', first);
  const back = await refusal(client, 'update', 'train');
  expect(back).toMatchObject({ status: 76, code: 'CHANNEL_ROLLBACK' });
  expect(await client.json(['current'])).toMatchObject({ name: 'train' });
  const trusted = await client.json(['trust', 'show', 'train']);
  expect(trusted).toMatchObject({
    policies: [{ name: 'acme', threshold: 1, channel: true, keys: [{ id: expect.any(String) }] }],
    channels: [{ place: base, tag: 'latest', channel: 'train', step: 3, digest: second, accepted: [] }],
  });
  // Who wants that says so, and what exactly; it is remembered.
  const command = /engineshed (trust accept \S+)$/.exec(back.hint)?.[1] ?? '';
  expect(command).toBe(`trust accept ${base}:latest@${first}`);
  const accepted = await client.json([...command.split(' '), '--dry-run'], { environment });
  expect(accepted).toMatchObject({
    dryRun: true,
    accepted: [{ what: ['rollback'], step: 2, before: { step: 3 } }],
  });
  expect(await refusal(client, 'update', 'train')).toMatchObject({ code: 'CHANNEL_ROLLBACK' });
  await client.output(command.split(' '), { environment });
  expect(await client.json(['update', 'train'])).toMatchObject({ sources: { base: { resolved: first } } });
  expect((await client.json(['trust', 'show'])).channels).toMatchObject([
    { step: 2, accepted: [{ by: 'ada', what: 'rollback', from: { step: 3 }, to: { step: 2 } }] },
  ]);

  // The publisher goes back in the open: that is a step forward.
  await moveTag('latest', second);
  await client.output(['update', 'train']);
  const rolled = await publisher.json(['release', 'rollback', 'train', ...key], { environment });
  expect(rolled).toMatchObject({ digest: first, step: 4, expires: expect.any(String) });
  expect(await client.json(['update', 'train'])).toMatchObject({ sources: { base: { resolved: first } } });
  expect(await publisher.json(['release', 'renew', 'train', ...key], { environment })).toMatchObject({
    digest: first,
    step: 5,
    tags: [],
  });
  expect(await client.json(['update', 'train'])).toMatchObject({ upToDate: true });

  // Versions are proven, too; a digest needs its signature only.
  expect(await client.json(['install', `${base}:1.1.0`])).toMatchObject({ upToDate: false });
  await moveTag('1.1.0', first);
  expect(await refusal(client, 'install', `${base}:1.1.0`)).toMatchObject({ code: 'CHANNEL_UNPROVEN' });
  await client.output(['install', `${base}@${first}`]);
  expect(await client.json(['verify'])).toMatchObject({ faults: [] });

  // What was seen, and cannot be read, is no reason to begin anew.
  const [seen = ''] = readdirSync(`${client.store}/seen`);
  writeFileSync(`${client.store}/seen/${seen}`, '{');
  expect(await refusal(client, 'update', 'train')).toMatchObject({ status: 65, code: 'STORE_CORRUPT' });
  const faults = await client.engineshed(['verify', '--json']);
  expect(JSON.parse(faults.stdout).faults).toMatchObject([{ what: 'channel', path: `seen/${seen}` }]);
  await client.output(['trust', 'accept', 'train'], { environment });
  expect(await client.json(['update', 'train'])).toMatchObject({ upToDate: true });
});

it('F01 asks the publisher for what the users ask for', async () => {
  const policy = `
[trust.own]
images = ["*/acme/base"]
keys = ["acme.pub"]
channel = true
`;
  const { publisher, base, build, sign, promote } = await publisherOf(policy);
  const release = await build();
  const attempt = (...flags: string[]) =>
    refusal(publisher, 'release', 'promote', release, 'train', '--version', '1.0.0', ...flags);
  expect(await attempt(...key)).toMatchObject({ status: 76, code: 'SIGNATURE_MISSING' });
  await sign(release);
  expect(await attempt()).toMatchObject({ status: 76, code: 'SIGNATURE_MISSING' });
  expect((await attempt()).hint).toContain('--key');
  expect(await promote(release, '1.0.0', ...key)).toMatchObject({ step: 1, tags: ['1.0.0', 'latest'] });
  const { steps } = await publisher.json(['release', 'history', 'train']);
  expect(steps).toMatchObject([
    { step: 1, signature: 'known', signers: [{ key: `${publisher.work}/acme.pub` }] },
  ]);
  expect(await publisher.output(['release', 'history', 'train'])).toContain('acme.pub');
  // By the engine of the project, whatever the image says which one it is.
  const file = `${publisher.work}/engineshed.toml`;
  const text = readFileSync(file, 'utf8');
  await publisher.output(['trust', 'generate-key-pair', 'other'], { environment });
  const other =
    '\n[engines.other]\nextends = "hello"\n[trust.other]\nengines = ["other"]\nkeys = ["other.pub"]\n[[release.test]]\nname = "it is not run"\ncommand = ["touch", "ran"]\n';
  writeFileSync(file, text.replace('engine = "hello"', 'engine = "other"') + other);
  expect(await refusal(publisher, 'release', 'test', release)).toMatchObject({
    status: 76,
    code: 'SIGNATURE_INVALID',
  });
  expect(readdirSync(publisher.work)).not.toContain('ran');
  writeFileSync(file, text);
  // By the policies, where no key is named.
  const verified = await publisher.json(['trust', 'verify', `${base}:latest`]);
  expect(verified).toMatchObject({ threshold: null, images: [{ digest: release }] });
  expect(await refusal(publisher, 'trust', 'verify', 'oci:none:1')).toMatchObject({ status: 66 });
});

it('F01 goes through every way into the store', async () => {
  const { publisher, base, build, sign, promote } = await publisherOf();
  const release = await build();
  await promote(release, '1.0.0');
  const client = clientOf(publisher, base, '');
  writeFileSync(`${client.work}/engineshed.toml`, 'engine = "train"\n');
  const refused = { status: 76, code: 'SIGNATURE_MISSING' };
  for (const command of [
    ['install'],
    ['install', '--dry-run'],
    ['lock'],
    ['update'],
    ['install', 'train'],
    ['install', `${base}:latest`],
    ['install', 'train', '--platform', 'linux/arm64'],
  ])
    expect([command, await refusal(client, ...command)]).toMatchObject([command, refused]);
  expect(existsSync(`${client.work}/engineshed.lock`)).toBe(false);
  const ran = await client.engineshed(['exec', '--', 'true'], {
    environment: { ENGINESHED_INSTALL_MISSING: '1' },
  });
  expect([ran.status, ran.stderr]).toEqual([76, expect.stringContaining('is not signed')]);
  const tried = await client.engineshed(['try', `base=${base}:1.0.0`, '--', 'true']);
  expect([tried.status, tried.stderr]).toEqual([76, expect.stringContaining('is not signed')]);
  // By a file.
  const other = newUser();
  cpSync(`${client.home}/.config`, `${other.home}/.config`, { recursive: true });
  const config = `${other.home}/.config/engineshed/engineshed.toml`;
  const trusting = readFileSync(config, 'utf8');
  writeFileSync(config, trusting.slice(0, trusting.indexOf('[trust.acme]')));
  await other.output(['export', 'train', `${client.work}/unsigned.tar`]);
  expect(await refusal(client, 'import', 'unsigned.tar')).toMatchObject(refused);
  expect(existsSync(`${client.store}/engines`)).toBe(false);

  await sign(release);
  await other.output(['export', 'train', `${client.work}/stripped.tar`]);
  await other.output(['export', 'train', `${client.work}/signed.tar`, '--referrers']);
  expect(await refusal(client, 'import', 'stripped.tar')).toMatchObject(refused);
  expect(await client.json(['import', 'signed.tar', '--dry-run'])).toMatchObject({ dryRun: true });
  await client.output(['import', 'signed.tar']);
  await client.output(['install']);
  // What was verified once is known without the network.
  await client.output(['install', '--locked', '--offline']);
  await client.output(['install', 'train', '--offline']);
  expect(readdirSync(client.store)).not.toContain('seen');
  await client.output(['try', `base=${base}:1.0.0`, '--', 'true']);
});

it('F02 keeps what a project took for proven apart from what its user did', async () => {
  const { publisher, base, build, sign, promote } = await publisherOf();
  const release = await build();
  await sign(release);
  await promote(release, '1.0.0', ...key);
  // Somebody with a key of their own, who may push, and has a project.
  const evil = ['--key', 'evil.key'];
  await publisher.output(['trust', 'generate-key-pair', 'evil'], { environment });
  await publisher.json(['trust', 'sign', `${base}@${release}`, ...evil], { environment });
  await promote(release, '1.0.0', ...evil);
  expect(await publisher.json(['release', 'renew', 'train', ...evil], { environment })).toMatchObject({
    step: 3,
  });
  const client = clientOf(publisher, base);
  const config = `${client.home}/.config/engineshed/engineshed.toml`;
  writeFileSync(config, readFileSync(config, 'utf8').replace(/^images = .*$/m, ''));
  cpSync(`${publisher.work}/evil.pub`, `${client.work}/evil.pub`);
  writeFileSync(
    `${client.work}/engineshed.toml`,
    `
engine = "evil"
[engines.evil.sources]
base = { image = "${base}:latest" }
[trust.evil]
images = ["${base}"]
keys = ["evil.pub"]
channel = true
`,
  );
  await client.output(['install']);
  expect((await client.json(['trust', 'show'])).channels).toMatchObject([
    { policies: [{ name: 'evil', file: `${client.work}/engineshed.toml` }], step: 3 },
  ]);
  // The policies of both are for the user's engine here, and each is judged by its own.
  await client.output(['install', 'train']);
  const away = { directory: client.home };
  expect(await client.json(['update', 'train'], away)).toMatchObject({ upToDate: true });
  const { channels } = await client.json(['trust', 'show', 'train']);
  expect(channels.map((seen: { step: number }) => seen.step).sort()).toEqual([1, 3]);
  expect(await client.output(['trust', 'show', 'train'])).toContain(`for  the policy "acme" of ${config}`);
  expect(await client.json(['verify'])).toMatchObject({ faults: [] });
});

it('F01 renews nothing that one key of two has signed alone', async () => {
  const { publisher, base, build, sign, promote } = await publisherOf();
  const second = ['--key', 'second.key'];
  await publisher.output(['trust', 'generate-key-pair', 'second'], { environment });
  const file = `${publisher.work}/engineshed.toml`;
  const policy = `\n[trust.both]\nimages = ["${base}"]\nkeys = ["acme.pub", "second.pub"]\nthreshold = 2\nchannel = true\n`;
  writeFileSync(file, readFileSync(file, 'utf8') + policy);
  const release = await build();
  await sign(release);
  await publisher.json(['trust', 'sign', `${base}@${release}`, ...second], { environment });
  await promote(release, '1.0.0', ...key);
  const alone = await refusal(publisher, 'release', 'renew', 'train', ...second);
  expect(alone).toMatchObject({ status: 76, code: 'CHANNEL_UNPROVEN' });
  expect(alone.message).toContain('fewer keys signed that than the policies ask for');
  expect(await promote(release, '1.0.0', ...second)).toMatchObject({ step: 1 });
  for (const by of [key, second])
    expect(await publisher.json(['release', 'renew', 'train', ...by], { environment })).toMatchObject({
      step: 2,
    });
  const { steps } = await publisher.json(['release', 'history', 'train']);
  expect(steps.map(({ step, signers }: { step: number; signers: [] }) => [step, signers.length])).toEqual([
    [2, 2],
    [1, 2],
  ]);
});
