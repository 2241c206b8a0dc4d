import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { User } from './cli.js';
import { environment, key, publisherOf, refusal } from './publisher.js';

const policy = `
[trust.own]
images = ["*/acme/base"]
keys = ["acme.pub"]
`;

const tests = `
[[release.test]]
name = "runs"
command = ["true"]
`;

it('F01 promotes under a policy what one of its keys has tested, whatever else is attached', async () => {
  const { publisher, base, build, sign, promote } = await publisherOf(policy + tests);
  const release = await build();
  const attempt = () => refusal(publisher, 'release', 'promote', release, 'train', '--version', '1.0.0');
  const test = (...flags: string[]) =>
    publisher.json(['release', 'test', release, ...flags], { environment });
  const { key: id } = await sign(release);
  const hint = expect.stringContaining(`engineshed release test ${base}@${release} --key FILE`);
  expect(await attempt()).toMatchObject({ status: 65, code: 'RELEASE_UNTESTED', hint });

  // Whoever may push can attach a result: by nobody, and by somebody else.
  const plain = await test();
  expect(plain).toMatchObject({ result: 'PASSED', key: null, uncounted: [{ name: 'own' }] });
  const unsigned = await attempt();
  expect(unsigned).toMatchObject({ status: 76, code: 'SIGNATURE_MISSING', hint });
  expect(unsigned.message).toMatch(
    /says passed, and no key of the policy "own" of .* signed it: it has no sig/,
  );
  await publisher.output(['trust', 'generate-key-pair', 'other'], { environment });
  await elsewhere(publisher, async (directory) => {
    const by = { environment, directory };
    await publisher.output(['trust', 'sign', `${base}@${release}`, '--key', 'other.key'], by);
    await publisher.output(['release', 'test', release, '--key', 'other.key'], by);
  });
  const unknown = await attempt();
  expect(unknown).toMatchObject({ status: 76, code: 'SIGNATURE_INVALID', hint });
  expect(unknown.message).toContain('signed with an unknown key');

  expect(await test(...key)).toMatchObject({ result: 'PASSED', key: id, uncounted: [] });
  await promote(release, '1.0.0');
  await publisher.output(['release', 'site', 'public']);
  const page = readFileSync(`${publisher.work}/public/releases/${release.slice(7)}.html`, 'utf8');
  expect(page).toContain('It passed all tests that there are now.');
  expect(page).toMatch(/checked<\/span> by <strong>acme\.pub/);
});

it('F01 signs with no key that the policies do not know, and pushes nothing', async () => {
  const { publisher, base, build, sign, promote } = await publisherOf(policy + tests);
  const release = await build();
  await sign(release);
  await publisher.json(['release', 'test', release, ...key], { environment });
  await promote(release, '1.0.0', ...key);
  await publisher.output(['trust', 'generate-key-pair', 'other'], { environment });
  const attached = () => publisher.json(['referrers', `${base}@${release}`]);
  const stranger = ['--key', 'other.key'];
  const refuse = async (commands: readonly string[][]) => {
    const before = await attached();
    for (const command of commands) {
      const refused = await refusal(publisher, ...command, ...stranger);
      expect([command, refused]).toMatchObject([command, { status: 76, code: 'SIGNATURE_INVALID' }]);
      expect(refused.message).toMatch(
        /^other\.key is no key of the policy "own" of .* would count for nothing$/,
      );
      expect(refused.hint).toContain('engineshed trust public-key --key other.key');
    }
    expect(await attached()).toEqual(before);
  };
  const steps = [
    ['release', 'promote', release, 'train', '--version', '1.0.0'],
    ['release', 'rollback', 'train'],
    ['release', 'renew', 'train'],
  ];
  await refuse([['trust', 'sign', `${base}@${release}`], ['release', 'test', release], ...steps]);
  expect((await refusal(publisher, 'release', 'test', release, ...stranger, '--dry-run')).status).toBe(76);

  // A key of one policy signs: what lacks for the others is told. Where some ask for channels, only theirs do for steps.
  const file = `${publisher.work}/engineshed.toml`;
  const own = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    `${own.replace('keys = ["acme.pub"]', 'keys = ["acme.pub"]\nchannel = true')}\n[trust.more]\nimages = ["${base}"]\nkeys = ["other.pub"]\n`,
  );
  await publisher.json(['trust', 'sign', `${base}@${release}`, ...stranger], { environment });
  const tested = await publisher.output(['release', 'test', release, ...stranger], { environment });
  expect(tested).toMatch(/does not count for the policy "own" of .*: other\.key is none of its keys\n/);
  await refuse(steps.slice(0, 1));
});

it('F01 F02 rolls back with a key to what a key signed, and knows how the channel came there', async () => {
  const { publisher, base, sign, promote, moveTag } = await publisherOf();
  const rollback = () => refusal(publisher, 'release', 'rollback', 'train', ...key);
  const { digest: first } = await publisher.json(['release', 'build']);
  const { digest: second } = await publisher.json(['release', 'build', '--squash']);
  await promote(first, '1.0.0');
  // Plain steps are anybody's: a key makes nothing of them.
  const plain = await rollback();
  expect(plain).toMatchObject({ status: 76, code: 'CHANNEL_UNPROVEN' });
  expect(plain.message).toContain('nobody whose key is known here signed how it came there');

  // Signed steps, to a release that is not signed itself as a policy demands.
  for (const release of [first, second]) await sign(release);
  await promote(first, '1.0.0', ...key);
  await promote(second, '1.1.0', ...key);
  await publisher.output(['trust', 'generate-key-pair', 'other'], { environment });
  const file = `${publisher.work}/engineshed.toml`;
  const governed = `${readFileSync(file, 'utf8')}${policy}channel = true\n`;
  writeFileSync(file, `${governed}\n[trust.other]\nimages = ["${base}"]\nkeys = ["other.pub"]\n`);
  const message = expect.stringContaining(first);
  expect(await rollback()).toMatchObject({ status: 76, code: 'SIGNATURE_INVALID', message });
  // The plain step counts for nothing where a key signed another, and that there was one is told.
  const history = await publisher.json(['release', 'history', 'train']);
  expect(history).toMatchObject({ complete: false, steps: [{ step: 3 }, { step: 2 }] });
  expect(await publisher.output(['release', 'history', 'train'])).toMatch(
    /\nBefore that was step 1, at sha256:.*: its record is gone, or no key that is known here signed it\.\n$/,
  );

  // What was seen here, and is hidden now: all tags are led to the older release.
  writeFileSync(file, governed);
  await publisher.output(['install', `${base}:latest`]);
  for (const tag of ['latest', '1.1.0']) await moveTag(tag, first);
  const hidden = await rollback();
  expect(hidden).toMatchObject({ status: 76, code: 'CHANNEL_UNPROVEN' });
  expect(hidden.message).toContain('step 3 is known here, and is not found');
});

/** Does something in another checkout of the publisher's, which has no policy. */
async function elsewhere(publisher: User, work: (directory: string) => Promise<void>): Promise<void> {
  const directory = `${publisher.work}/elsewhere`;
  mkdirSync(directory);
  cpSync(`${publisher.work}/other.key`, `${directory}/other.key`);
  const text = readFileSync(`${publisher.work}/engineshed.toml`, 'utf8');
  writeFileSync(`${directory}/engineshed.toml`, text.replace(policy, ''));
  await work(directory);
}
