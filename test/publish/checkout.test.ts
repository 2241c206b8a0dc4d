import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publicAddress } from '../../src/publish/checkout.js';
import { type Checkout, gitTags, readCheckout } from '../../src/publish/index.js';
import { temporaryDirectory } from '../support/temporary.js';
import { commitAll, git, gitEnvironment } from './git.js';

const userId = process.getuid?.();
const read = (directory: string, extra: Record<string, string> = {}) =>
  readCheckout(directory, { environment: { ...gitEnvironment, ...extra }, userId });

function repository(): string {
  const directory = `${temporaryDirectory()}/a "repository"\nwith an odd name`;
  mkdirSync(`${directory}/part`, { recursive: true });
  writeFileSync(`${directory}/part/file`, 'content\n');
  commitAll(directory);
  return directory;
}

describe('what git tells', () => {
  it('is the commit, its time, its tags and whether files differ', async () => {
    const directory = repository();
    git(directory, 'tag', 'v1.2.3');
    git(directory, 'tag', '-a', '-m', 'annotated', 'other');
    const revision = git(directory, 'rev-parse', 'HEAD');
    const known = { revision, committed: 1714979289, dirty: false, branch: 'main', source: undefined };
    expect(await read(directory)).toMatchObject({ ...known, tags: ['other', 'v1.2.3'] });
    expect(await read(`${directory}/part`)).toMatchObject(known);
    writeFileSync(`${directory}/outside`, '');
    expect(await read(`${directory}/part`)).toMatchObject({ dirty: false });
    expect(await read(directory)).toMatchObject({ dirty: true });
  });

  it('is the same in a worktree, a submodule and a shallow clone; a detached head has no branch', async () => {
    const origin = repository();
    const revision = git(origin, 'rev-parse', 'HEAD');
    const base = temporaryDirectory();
    git(origin, 'worktree', 'add', '-q', '--detach', `${base}/worktree`);
    git(base, 'clone', '-q', '--depth', '1', `file://${origin}`, `${base}/shallow`);
    mkdirSync(`${base}/super`);
    git(`${base}/super`, 'init', '-q');
    git(`${base}/super`, 'submodule', '--quiet', 'add', origin, 'sub');
    expect(await read(`${base}/worktree`)).toMatchObject({ revision, dirty: false, branch: undefined });
    expect(await read(`${base}/shallow`)).toMatchObject({ revision, dirty: false, defaultBranch: 'main' });
    expect(await read(`${base}/super/sub`)).toMatchObject({ revision, dirty: false });
  });

  it('is nothing where there is no checkout, no commit, no work tree, no git', async () => {
    const empty = temporaryDirectory();
    expect(await read(empty)).toBeUndefined();
    git(empty, 'init', '-q');
    expect(await read(empty)).toBeUndefined();
    const directory = repository();
    expect(await read(`${directory}/.git`)).toBeUndefined();
    const bare = `${temporaryDirectory()}/bare`;
    git(directory, 'clone', '-q', '--bare', directory, bare);
    expect(await read(bare)).toBeUndefined();
    expect(await read(directory, { PATH: '/nonexistent' })).toBeUndefined();
  });

  it.runIf(userId === 0)('is refused by git for another user, which is said', async () => {
    const directory = repository();
    chownSync(directory, 12345, 12345);
    chownSync(`${directory}/.git`, 12345, 12345);
    await expect(read(directory)).rejects.toMatchObject({ code: 'FILE_PERMISSION' });
    expect(await read(directory, { PATH: '/nonexistent' })).toBeUndefined();
  });

  it('an error of git on a checkout is told, and is none of ours', async () => {
    const directory = repository();
    writeFileSync(`${directory}/.git/index`, 'garbage');
    await expect(read(directory)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  it('comes from the directory, whatever repository a hook is in', async () => {
    const directory = repository();
    const other = repository();
    writeFileSync(`${other}/more`, '');
    git(other, 'add', '-A');
    git(other, 'commit', '-q', '-m', 'second');
    const own = await read(directory);
    for (const extra of [{ GIT_DIR: `${other}/.git` }, { GIT_DIR: '.git', GIT_INDEX_FILE: '.git/other' }])
      expect(await read(`${directory}/part`, extra)).toEqual(own);
    expect(await read(directory, { GIT_WORK_TREE: other })).toEqual(own);
  });

  it('runs no program that the checkout names', async () => {
    const directory = repository();
    const mark = `${temporaryDirectory()}/ran`;
    const program = `${temporaryDirectory()}/program`;
    writeFileSync(program, `#!/bin/sh\ntouch ${mark}\n`);
    chmodSync(program, 0o755);
    for (const name of ['core.fsmonitor', 'core.pager', 'gpg.program', 'core.sshCommand'])
      git(directory, 'config', name, program);
    git(directory, 'config', 'log.showSignature', 'true');
    git(directory, 'config', 'core.hooksPath', `${program}s`);
    mkdirSync(`${program}s`);
    writeFileSync(`${program}s/post-index-change`, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    // A touched file makes git look, and want to write its index.
    rmSync(`${directory}/part/file`);
    writeFileSync(`${directory}/part/file`, 'content\n');
    rmSync(mark, { force: true });
    expect(await read(directory)).toMatchObject({ dirty: false });
    expect(existsSync(mark)).toBe(false);
  });

  it('is the same under odd configuration of the user', async () => {
    const directory = repository();
    git(directory, 'remote', 'add', 'origin', 'https://example.org/org/repo.git');
    git(directory, 'tag', 'v1.0.0');
    git(directory, 'tag', 'v1.1.0');
    const plain = await read(directory);
    git(directory, 'config', 'column.ui', 'always');
    git(directory, 'config', 'color.ui', 'always');
    git(directory, 'config', 'tag.sort', '-refname');
    git(directory, 'config', 'url.https://mirror.example/.insteadOf', 'https://example.org/');
    expect(await read(directory)).toEqual(plain);
    expect(plain?.source).toBe('https://example.org/org/repo');
  });
});

describe('the public address of a remote', () => {
  it.each([
    ['https://github.com/org/repo.git', 'https://github.com/org/repo'],
    ['https://user:secret@github.com/org/repo', 'https://github.com/org/repo'],
    ['https://user:sec@ret@github.com/org/repo', 'https://github.com/org/repo'],
    ['https://x-access-token:secret@github.com:8443/org/repo/', 'https://github.com:8443/org/repo'],
    ['https://github.com/org/repo.git?token=secret#secret', 'https://github.com/org/repo'],
    ['https://user:1234/secret@github.com/org/repo', undefined],
    ['https://user:secret/more@github.com/org/repo', undefined],
    ['git@github.com:org/repo.git', 'https://github.com/org/repo'],
    ['user:secret@github.com:org/repo.git', 'https://github.com/org/repo'],
    ['ssh://git@github.com:2222/org/repo.git', 'https://github.com/org/repo'],
    ['git://github.com/org/repo', 'https://github.com/org/repo'],
    ['/srv/git/repo.git', undefined],
    ['../repo', undefined],
    ['file:///srv/repo', undefined],
    ['', undefined],
  ])('%s', (remote, address) => {
    expect(publicAddress(remote)).toBe(address);
    expect(publicAddress(remote) ?? '').not.toMatch(/secret|sec@|ret@/);
  });
});

describe('tags from git', () => {
  const checkout: Checkout = {
    revision: '0123456789abcdef0123456789abcdef01234567',
    committed: 0,
    dirty: false,
    source: undefined,
    branch: 'main',
    defaultBranch: undefined,
    tags: [],
  };
  it.each<[string, Partial<Checkout>, string[]]>([
    ['the usual default branch', {}, ['edge', 'sha-0123456']],
    ['a branch', { branch: 'feature' }, ['sha-0123456']],
    ['a detached head', { branch: undefined }, ['sha-0123456']],
    ['the known default branch', { branch: 'trunk', defaultBranch: 'trunk' }, ['edge', 'sha-0123456']],
    ['main, where another is the default', { defaultBranch: 'trunk' }, ['sha-0123456']],
    ['a version', { branch: undefined, tags: ['v1.2.3'] }, ['sha-0123456', '1.2.3']],
    [
      'the highest of versions',
      { branch: undefined, tags: ['v1.9.0', '1.10.0', 'x'] },
      ['sha-0123456', '1.10.0'],
    ],
    ['a prerelease', { branch: undefined, tags: ['v2.0.0-rc.1'] }, ['sha-0123456', '2.0.0-rc.1']],
    ['build metadata', { branch: undefined, tags: ['v2.0.0+b.1'] }, ['sha-0123456', '2.0.0']],
    ['no version', { branch: undefined, tags: ['v2', 'release'] }, ['sha-0123456']],
  ])('%s', (_, differs, tags) => {
    expect(gitTags({ ...checkout, ...differs })).toEqual(tags);
  });

  it('are refused for uncommitted changes', () => {
    expect(() => gitTags({ ...checkout, dirty: true })).toThrow('uncommitted changes');
  });
});
