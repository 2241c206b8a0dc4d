import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { branchTag } from '../../src/oci/index.js';
import { commitAll, git } from '../publish/git.js';
import { newUser } from './cli.js';

const feature = branchTag('feature/x');

function checkout(home: string): string {
  const directory = `${home}/engine`;
  mkdirSync(directory);
  writeFileSync(`${directory}/file`, 'content\n');
  commitAll(directory);
  git(directory, 'tag', 'v1.0.0');
  git(directory, 'checkout', '-q', '-b', 'feature/x');
  return directory;
}

describe('a pipeline publishes a branch', () => {
  it('under its own tag, with git and in a pull request', async () => {
    const user = newUser();
    const directory = checkout(user.home);
    const published = await user.json(['publish', directory, 'oci:images', '--branch-tag']);
    expect(published).toMatchObject({
      references: [`oci:images:${feature}`],
      annotations: { 'io.github.engineshed.branch': 'feature/x' },
    });
    const environment = { ENGINESHED_BRANCH: 'feature/x', ENGINESHED_PULL_REQUEST: '12' };
    const request = await user.json(['publish', directory, 'oci:images', '--branch-tag', '--git-tags'], {
      environment,
    });
    expect(request.references.slice(-1)).toEqual(['oci:images:pr-12']);
    expect(request.references).toHaveLength(2);
    expect(request.annotations).toMatchObject({ 'io.github.engineshed.pull-request': '12' });
    // The content has the same layer whatever it is published for.
    expect(request.layer).toEqual(published.layer);
  });

  it('and never as a channel, nor without knowing which branch', async () => {
    const user = newUser();
    const directory = checkout(user.home);
    for (const reference of ['oci:images:edge', 'oci:images:nightly', 'oci:images:1.2.3']) {
      const refused = await user.engineshed(['publish', directory, reference, '--branch-tag']);
      expect(refused.status).toBe(64);
      expect(refused.stderr).toContain(`it is tagged "${feature}"`);
    }
    git(directory, 'checkout', '-q', '--detach');
    const lost = await user.engineshed(['publish', directory, 'oci:images', '--branch-tag']);
    expect(lost.status).toBe(64);
    expect(lost.stderr).toContain('ENGINESHED_BRANCH');
  });
});

describe('old tags are pruned', () => {
  it('by what git ls-remote says, dry first', async () => {
    const user = newUser();
    const directory = checkout(user.home);
    await user.output(['publish', directory, 'oci:images:latest', '--tag', 'branch-gone']);
    await user.output(['publish', directory, 'oci:images', '--branch-tag']);
    const input = git(directory, 'ls-remote', directory);
    const prune = ['prune', 'oci:images', '--keep-branches', '-'];
    const dry = await user.json([...prune, '--dry-run'], { input });
    expect(dry).toMatchObject({
      dryRun: true,
      repository: 'oci:images',
      removed: [{ tag: 'branch-gone', digest: expect.stringMatching(/^sha256:/) }],
      kept: [{ tag: feature, because: 'alive' }],
    });
    expect((await user.json(['tags', 'oci:images'])).tags).toHaveLength(3);
    const text = await user.output(prune, { input });
    expect(text).toBe('branch-gone is removed\n1 of 2 tags is removed.\n');
    expect((await user.json(['tags', 'oci:images'])).tags).toEqual([{ tag: feature }, { tag: 'latest' }]);
    expect((await user.json(['prune', 'oci:images', '--older-than', '30d'])).removed).toMatchObject([
      { tag: feature, created: '2024-05-06T07:08:09Z' },
    ]);
  });

  it('and not by a list that a failed command wrote', async () => {
    const user = newUser();
    await user.output(['publish', checkout(user.home), 'oci:images', '--branch-tag']);
    const inputs = ['', 'fatal: no such remote\n', '  * feature/x\n', 'origin/main\norigin/feature/x\n'];
    for (const input of inputs) {
      const refused = await user.engineshed(['prune', 'oci:images', '--keep-branches', '-'], { input });
      expect(refused.status, input).toBe(64);
    }
    for (const args of [
      [],
      ['--keep-branches', '-', '--keep-pull-requests', '-'],
      ['--keep-pull-requests', '-'],
    ])
      expect((await user.engineshed(['prune', 'oci:images', ...args], { input: 'main\n' })).status).toBe(64);
    expect((await user.json(['tags', 'oci:images'])).tags).toEqual([{ tag: feature }]);
  });
});
