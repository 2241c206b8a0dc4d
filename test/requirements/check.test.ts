import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { advice, checkNeeds, type Need, packageManagerOf } from '../../src/requirements/index.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A machine with programs of ours only, each a shell script. */
function machine(programs: Record<string, string>) {
  const directory = temporaryDirectory();
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(`${directory}/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(`${directory}/${name}`, 0o755);
  }
  return { directory, surroundings: { environment: { PATH: directory }, platform: 'linux' } };
}

async function outcome(
  need: Omit<Need, 'by'>,
  programs: Record<string, string>,
  mayRun: 'known tools' | 'anything' = 'known tools',
) {
  const [checked] = await checkNeeds([{ by: ['x'], ...need }], machine(programs).surroundings, mayRun);
  return checked?.outcome;
}

describe('a program that is needed', () => {
  it.each([
    ['bash', '>=4', 'GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)', '5.2.15', 'met'],
    ['bash', '>=4', 'GNU bash, version 3.2.57(1)-release (arm64-apple-darwin22)', '3.2.57', 'unfit'],
    ['jq', '>=1.6', 'jq-1.6', '1.6', 'met'],
    ['jq', '>=1.6', 'jq-1.5-1-a5b5cbe', '1.5', 'unfit'],
    ['java', '>=8', 'openjdk version "1.8.0_392"', '8.0', 'met'],
    ['java', '>=11', 'java version "1.8.0_392"', '8.0', 'unfit'],
    ['java', '>=11', 'openjdk version "17.0.13" 2024-10-15', '17.0.13', 'met'],
    ['java', '>=11', 'openjdk version "21" 2023-09-19', '21', 'met'],
    ['git', '>=2.30', 'git version 2.39.5 (Apple Git-154)', '2.39.5', 'met'],
    [
      'perl',
      '>=5.30',
      'This is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64',
      '5.36.0',
      'met',
    ],
    ['aws', '>=2', 'aws-cli/2.15.30 Python/3.11.8', '2.15.30', 'met'],
    ['docker', '<28', 'Docker version 20.10.24+dfsg1, build 297e128', '20.10.24', 'met'],
    ['node', '^20.10', 'v20.20.2', '20.20.2', 'met'],
  ])('%s %s, which says "%s"', async (name, version, said, found, status) => {
    expect(await outcome({ name, version }, { [name]: `echo '${said}' >&2` })).toMatchObject({
      status,
      found,
    });
  });

  it('is missing, or there in any version', async () => {
    expect(await outcome({ name: 'jq' }, {})).toEqual({ status: 'missing' });
    expect(await outcome({ name: 'anything' }, { anything: 'exit 1' })).toMatchObject({ status: 'met' });
  });

  it('is not one that lies in the working directory, nor a directory or a file that is no program', async () => {
    const { directory } = machine({ jq: 'echo jq-9' });
    const search = (PATH: string) =>
      checkNeeds([{ by: ['x'], name: 'jq' }], { environment: { PATH }, platform: 'linux' }, 'anything');
    expect((await search(directory))[0]?.outcome.status).toBe('met');
    const before = process.cwd();
    process.chdir(directory);
    expect((await search(':.:'))[0]?.outcome.status).toBe('missing');
    process.chdir(before);
    const other = temporaryDirectory();
    mkdirSync(`${other}/jq`);
    expect((await search(other))[0]?.outcome.status).toBe('missing');
  });

  it('that tells no version is there and unknown', async () => {
    for (const script of ['echo hello', 'echo "line 12: no"; exit 1']) {
      expect(await outcome({ name: 'jq', version: '>=1' }, { jq: script })).toMatchObject({
        status: 'unknown',
        reason: 'it tells no version',
      });
    }
  });

  it('is asked with the arguments of a component only where that was asked for', async () => {
    const need = { name: 'tool', version: '>=2', versionCommand: ['tool', 'tell', 'version'] };
    const programs = { tool: 'echo ran >> "$0.ran"; test "$1 $2" = "tell version" && echo tool 2.5' };
    expect(await outcome(need, programs)).toEqual({ status: 'unchecked' });
    expect(await outcome(need, programs, 'anything')).toMatchObject({ status: 'met', found: '2.5' });
    expect(await outcome(need, {})).toEqual({ status: 'missing' });
  });
});

describe('a check that a component brings', () => {
  const need = (directory: string): Need => ({ by: ['x'], name: 'a', check: 'bin/check', directory });
  function component(script: string, mode = 0o755): string {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/bin`);
    writeFileSync(`${directory}/bin/check`, script);
    chmodSync(`${directory}/bin/check`, mode);
    return directory;
  }
  const surroundings = { environment: { PATH: process.env.PATH }, platform: 'linux' };
  const check = async (directory: string, mayRun: 'known tools' | 'anything' = 'anything') =>
    (await checkNeeds([need(directory)], surroundings, mayRun))[0]?.outcome;

  it('says yes, or no with its reasons', async () => {
    expect(await check(component('#!/bin/sh\nexit 0\n'))).toMatchObject({ status: 'met' });
    expect(await check(component('#!/bin/sh\necho one; echo; echo two >&2\nexit 3\n'))).toMatchObject({
      status: 'failed',
      reason: 'it ended with 3: one / two',
    });
    expect(await check(component('#!/bin/sh\n', 0o644))).toMatchObject({ reason: 'it cannot be run' });
  });

  it('is not run where nobody asked for that', async () => {
    const directory = component('#!/bin/sh\ntouch ran\n');
    expect(await check(directory, 'known tools')).toEqual({ status: 'unchecked' });
  });
});

it('what does not end is ended, with all that it started; it has no terminal and no input', async () => {
  const script =
    '/bin/cat; (: < /dev/tty) 2>/dev/null && echo a terminal; echo running; (/bin/sleep 60; touch "$0.ran") & wait';
  const { directory } = machine({ jq: script });
  const surroundings = { environment: { PATH: directory }, platform: 'linux' };
  const needs: Need[] = [
    { by: ['x'], name: 'jq', version: '>=1' },
    { by: ['x'], name: 'a', check: 'jq', directory },
  ];
  const checked = await checkNeeds(needs, surroundings, 'anything');
  expect(checked.map(({ outcome }) => outcome)).toEqual([
    { status: 'unknown', path: `${directory}/jq`, reason: 'it took more than 5 s to tell its version' },
    {
      status: 'failed',
      path: `${directory}/jq`,
      reason: expect.stringMatching(/^it took more than 10 s: running$/),
    },
  ]);
  const running = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  expect(running).not.toContain(directory);
}, 20_000);

describe('what to install', () => {
  it.each([
    ['linux', 'ID=debian', 'apt'],
    ['linux', 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian', 'apt'],
    ['linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"', 'apt'],
    ['linux', 'ID=alpine', 'apk'],
    ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"', 'dnf'],
    ['linux', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"', 'zypper'],
    ['linux', 'ID=nixos', undefined],
    ['linux', undefined, undefined],
    ['darwin', undefined, 'brew'],
    ['win32', undefined, 'winget'],
  ])('on %s with %j is a matter of %s', (platform, osRelease, manager) => {
    expect(packageManagerOf(platform, osRelease)).toBe(manager);
  });

  it('is said as a command, with the name of the package there', () => {
    const user = { isAdministrator: false };
    expect(advice({ name: 'jq', version: '>=1.6' }, { ...user, manager: 'apt' })).toBe(
      'Install jq >=1.6, for instance with: sudo apt-get install jq',
    );
    expect(advice({ name: 'java' }, { manager: 'apk', isAdministrator: true })).toBe(
      'Install java, for instance with: apk add openjdk17-jre-headless',
    );
    expect(advice({ name: 'x', packages: { brew: 'x-tool' } }, { ...user, manager: 'brew' })).toContain(
      'brew install x-tool',
    );
    expect(advice({ name: 'x' }, { ...user, manager: undefined })).toBe(
      'Install x, so that it is on the PATH.',
    );
    expect(advice({ name: 'x', check: 'y', hint: 'Buy one.' }, { ...user, manager: 'apt' })).toBe('Buy one.');
  });
});
