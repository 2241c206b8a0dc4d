import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/index.js';
import { storePaths } from '../../src/store/index.js';
import { readPolicyKeys } from '../../src/trust/index.js';
import { formatSeen, type SeenChannel } from '../../src/trust/seen.js';
import { policyOf } from '../support/policies.js';
import { publishProduct } from '../support/product.js';
import { newKey } from '../support/signing.js';
import { readTree } from '../support/tree.js';
import { newUser, type User } from './cli.js';

interface Told {
  readonly severity: string;
  readonly issue: string;
  readonly cause: string;
  readonly remedy: string;
}

async function prepare(): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  return user;
}

/** What the doctor finds, and the status that it ends with. */
async function findings(
  user: User,
  environment: Record<string, string> = {},
): Promise<{ status: number | null; found: Told[] }> {
  const { status, stdout } = await user.engineshed(['doctor', '--json'], { environment });
  const { checks } = JSON.parse(stdout) as { checks: { findings: Told[] }[] };
  return { status, found: checks.flatMap((check) => check.findings) };
}

describe('doctor', () => {
  it('finds nothing where all is well, and changes nothing', async () => {
    const user = await prepare();
    const before = readTree(user.home);
    expect(await findings(user)).toEqual({ status: 0, found: [] });
    expect(await user.output(['doctor'])).toMatch(/^ok +engines +1 installed, hello-1\.0\.0 is active$/m);
    expect(readTree(user.home)).toEqual(before);
  });

  it('finds nothing before anything is installed', async () => {
    expect(await findings(newUser())).toEqual({ status: 0, found: [] });
  });

  it('tells whether a shell finds the commands of engines', async () => {
    const user = await prepare();
    const shims = `${user.store}/shims`;
    const PATH = process.env.PATH ?? '';
    const off = await findings(user, { PATH });
    expect(off).toMatchObject({
      status: 0,
      found: [{ severity: 'warning', cause: `${shims} is not on the PATH` }],
    });
    expect(off.found[0]?.remedy).toContain(`export PATH="${shims}:$PATH"`);
    mkdirSync(`${user.home}/bin`);
    writeFileSync(`${user.home}/bin/hello`, '#!/bin/sh\n', { mode: 0o755 });
    expect(await findings(user, { PATH: `${shims}:${user.home}/bin:${PATH}` })).toEqual({
      status: 0,
      found: [],
    });
    const hidden = await findings(user, { PATH: `${user.home}/bin:${shims}:${PATH}` });
    expect(hidden.found).toMatchObject([
      { severity: 'warning', cause: `${user.home}/bin/hello comes before ${shims} on the PATH` },
    ]);
    rmSync(`${shims}/hello`);
    expect(await findings(user)).toMatchObject({
      status: 65,
      found: [{ issue: 'The command hello does not run' }],
    });
    await user.output(['verify', '--fast']);
    expect(await findings(user)).toEqual({ status: 0, found: [] });
  });

  it('E04 names what an engine lacks, and how to get it back', async () => {
    const user = await prepare();
    const { parts } = await user.json(['show', 'hello-1.0.0']);
    chmodSync(`${parts[0].directory}/..`, 0o755);
    chmodSync(parts[0].directory, 0o755);
    rmSync(parts[0].directory, { recursive: true });
    const { status, found } = await findings(user);
    expect(status).toBe(65);
    expect(found[0]).toMatchObject({
      severity: 'problem',
      issue: 'The engine hello-1.0.0 is not complete',
      cause: expect.stringContaining(parts[0].directory),
      remedy: 'Install it again with: engineshed install hello-1.0.0',
    });
    await user.output(['install', 'hello-1.0.0']);
    expect(await findings(user)).toEqual({ status: 0, found: [] });
  });

  it('E05 names a damaged record, and a selected engine that is not installed', async () => {
    const user = await prepare();
    const { id } = await user.json(['current']);
    const record = `${user.store}/engines/hello-1.0.0/${id}/engine.json`;
    chmodSync(record, 0o644);
    writeFileSync(record, '{');
    const { status, found } = await findings(user, { ENGINESHED_ENGINE: 'hello-9.0.0' });
    expect(status).toBe(65);
    const issues = found.map(({ issue }) => issue);
    expect(issues).toContain('The engine hello-1.0.0 cannot be used');
    expect(issues).toContain('The selected engine hello-9.0.0 cannot be used (ENGINESHED_ENGINE is set)');
    // That engine is installed, and what to do about it is a sentence of its own.
    const listed = await user.engineshed(['list']);
    expect([listed.stdout, listed.stderr]).toEqual([
      '',
      expect.stringContaining('not JSON. Install that engine'),
    ]);
  });

  it('E04 counts a file once that differs in two ways', async () => {
    const user = await prepare();
    const layers = `${user.store}/layers`;
    const [file = ''] = readdirSync(layers, { recursive: true, encoding: 'utf8' })
      .map((path) => `${layers}/${path}`)
      .filter((path) => path.endsWith('.sh'));
    chmodSync(file, 0o644);
    appendFileSync(file, 'more');
    const { status, stdout, stderr } = await user.engineshed(['verify']);
    expect(status).toBe(65);
    expect(stdout).toMatch(/mode .*\n.*size /);
    expect([stdout, stderr]).toEqual([
      expect.stringContaining('1 path is damaged: '),
      expect.stringContaining('1 path is damaged\n  Repair it with'),
    ]);
  });

  it('E05 tells that the active engine is not known', async () => {
    const user = await prepare();
    rmSync(`${user.store}/current`);
    symlinkSync('nowhere', `${user.store}/current`);
    expect(await findings(user)).toMatchObject({
      status: 65,
      found: [{ issue: 'The active engine is not known', remedy: 'Choose one with: engineshed use NAME' }],
    });
    expect((await user.engineshed(['verify'])).stdout).toContain('name current:\n');
    await user.output(['use', 'hello-1.0.0']);
    expect(await findings(user)).toEqual({ status: 0, found: [] });
  });

  it('E06 names a store of a newer version', async () => {
    const user = await prepare();
    chmodSync(`${user.store}/store.json`, 0o644);
    writeFileSync(`${user.store}/store.json`, '{"version":99}');
    const { status, found } = await findings(user);
    expect([status, found[0]?.issue]).toEqual([65, 'The store cannot be used']);
  });

  it('D03 names a fault of a configuration file with its line', async () => {
    const user = await prepare();
    writeFileSync(`${user.work}/engineshed.toml`, 'defualt = "train"\n');
    const { status, found } = await findings(user);
    expect([status, found[0]?.cause]).toEqual([65, expect.stringMatching(/engineshed\.toml.*1/)]);
  });

  it('F02 F04 names keys that cannot be read, and channels that are or will be refused', async () => {
    const user = newUser();
    const config = `${user.home}/.config/engineshed`;
    mkdirSync(config, { recursive: true });
    const key = newKey('acme.pub').public;
    writeFileSync(`${config}/acme.pub`, key.key.export({ type: 'spki', format: 'pem' }).toString());
    const policy = (keys: string, more = '') =>
      writeFileSync(
        `${config}/engineshed.toml`,
        `[trust.acme]\nengines = ["train"]\nchannel = true\nkeys = [${keys}]\n${more}`,
      );
    policy('"acme.pub", "gone.pub"');
    const unreadable = {
      severity: 'problem',
      issue: `Nothing that the policy "acme" of ${config}/engineshed.toml is for can be installed`,
    };
    expect(await findings(user)).toMatchObject({
      status: 65,
      found: [{ ...unreadable, cause: expect.stringContaining(`${config}/gone.pub`) }],
    });
    writeFileSync(`${config}/gone.pub`, 'nonsense');
    expect(await findings(user)).toMatchObject({ status: 65, found: [unreadable] });
    policy('"acme.pub", "./acme.pub"', 'threshold = 2');
    expect(await findings(user)).toMatchObject({
      status: 65,
      found: [{ ...unreadable, cause: expect.stringContaining('2 different keys have to sign') }],
    });
    policy('"acme.pub"');
    expect(await findings(user)).toEqual({ status: 0, found: [] });

    const source = { kind: 'file', path: `${config}/acme.pub` } as const;
    const { id } = await readPolicyKeys(policyOf([], { keys: [source] }));
    const hours = (number: number) => new Date(Date.now() + number * 3_600_000).toISOString();
    const file = storePaths(user.store).seen('r.example/acme', 'latest', id);
    mkdirSync(`${user.store}/seen`, { recursive: true });
    const seen = async (more: Partial<SeenChannel>) => {
      const record: SeenChannel = {
        place: 'r.example/acme',
        tag: 'latest',
        channel: 'train',
        step: 3,
        digest: digestOf('3'),
        proof: { policy: id, signers: [key.id] },
        accepted: [],
        ...more,
      };
      writeFileSync(file, formatSeen(record));
      const { status, found } = await findings(user);
      expect(status).toBe(0);
      return found.map(({ issue }) => issue.replace('The channel train (r.example/acme:latest) ', ''));
    };
    expect(await seen({})).toEqual([]);
    expect(await seen({ expires: hours(100), time: hours(0.5) })).toEqual([]);
    const late = 'refused as too old, where there is nothing newer';
    expect(await seen({ expires: hours(50) })).toEqual([`will soon be ${late}`]);
    expect(await seen({ expires: hours(-1) })).toEqual([`is ${late}`]);
    const to = { step: 3, digest: digestOf('3') };
    const accepted = [{ time: hours(0), by: 'ada', what: 'expired' as const, to }];
    expect(await seen({ expires: hours(-1), accepted })).toEqual([]);
    expect(await seen({ expires: hours(100), time: hours(2) })).toEqual([
      expect.stringContaining('Channels are judged by a later time'),
    ]);
    // Of keys that no policy here has.
    writeFileSync(`${user.store}/seen/x.json`, '{');
    const damaged = await findings(user);
    expect(damaged).toMatchObject({
      status: 65,
      found: [{ cause: expect.stringContaining(`${user.store}/seen/x.json`) }, {}],
    });
  });

  it('warns of logins that others can read, without a secret', async () => {
    const user = await prepare();
    mkdirSync(`${user.home}/.docker`);
    const auth = Buffer.from('me:very-secret').toString('base64');
    writeFileSync(
      `${user.home}/.docker/config.json`,
      JSON.stringify({ auths: { 'r.example.com': { auth } } }),
      { mode: 0o644 },
    );
    const { status, found } = await findings(user);
    expect(status).toBe(0);
    expect(found).toEqual([
      expect.objectContaining({ severity: 'warning', remedy: `chmod 600 ${user.home}/.docker/config.json` }),
    ]);
    const shown = await user.engineshed(['doctor']);
    expect(shown.stdout + shown.stderr).not.toMatch(new RegExp(`very-secret|${auth}`));
  });

  it('names certificates that are not there, and says that they are verified always', async () => {
    const user = await prepare();
    const { status, found } = await findings(user, {
      SSL_CERT_FILE: '/nowhere/ca.pem',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    });
    expect(status).toBe(65);
    expect(found.map(({ cause }) => cause)).toEqual([
      expect.stringContaining('/nowhere/ca.pem'),
      expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED'),
    ]);
  });

  it('warns of a store whose path has a blank', async () => {
    const user = newUser();
    const { found } = await findings(user, { ENGINESHED_HOME: `${user.home}/my store` });
    expect(found.map(({ severity }) => severity)).toEqual(['warning']);
  });
});
