import { describe, expect, it } from 'vitest';
import {
  type Checkout,
  featureOf,
  featureTag,
  gitTags,
  readPipeline,
  refuseReleaseTags,
} from '../../src/publish/index.js';

const commit = '1'.repeat(40);
const other = '2'.repeat(40);

describe('what a pipeline says', () => {
  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'acme/engine',
    GITHUB_SHA: commit,
  };
  const gitlab = {
    GITLAB_CI: 'true',
    CI_COMMIT_SHA: commit,
    CI_PROJECT_URL: 'https://gitlab.com/acme/engine',
  };
  const jenkins = {
    JENKINS_URL: 'https://ci.example.org/',
    GIT_COMMIT: commit,
    GIT_URL: 'git@github.com:acme/engine.git',
  };
  const bitbucket = {
    BITBUCKET_BUILD_NUMBER: '7',
    BITBUCKET_COMMIT: commit,
    BITBUCKET_GIT_HTTP_ORIGIN: 'http://bitbucket.org/acme/engine',
  };
  const azure = {
    TF_BUILD: 'True',
    BUILD_SOURCEVERSION: commit,
    BUILD_REPOSITORY_URI: 'https://user@dev.azure.com/acme/p/_git/engine',
  };

  it.each([
    ['GitHub, a branch', { ...github, GITHUB_REF: 'refs/heads/feature/x' }, 'branch-feature-x'],
    [
      'GitHub, a pull request',
      { ...github, GITHUB_REF: 'refs/pull/12/merge', GITHUB_HEAD_REF: 'main' },
      'pr-12',
    ],
    ['GitHub, a tag', { ...github, GITHUB_REF: 'refs/tags/v1.0.0' }, undefined],
    ['GitLab, a branch', { ...gitlab, CI_COMMIT_BRANCH: 'feature/x' }, 'branch-feature-x'],
    [
      'GitLab, a merge request',
      { ...gitlab, CI_MERGE_REQUEST_IID: '12', CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'x' },
      'pr-12',
    ],
    ['GitLab, a tag', { ...gitlab, CI_COMMIT_TAG: 'v1.0.0' }, undefined],
    ['Jenkins, a branch', { ...jenkins, BRANCH_NAME: 'feature/x' }, 'branch-feature-x'],
    ['Jenkins, its git plugin', { ...jenkins, GIT_BRANCH: 'origin/feature/x' }, 'branch-feature-x'],
    [
      'Jenkins, a pull request',
      { ...jenkins, BRANCH_NAME: 'PR-12', CHANGE_ID: '12', CHANGE_BRANCH: 'x' },
      'pr-12',
    ],
    ['Jenkins, a tag', { ...jenkins, BRANCH_NAME: 'v1.0.0', TAG_NAME: 'v1.0.0' }, undefined],
    ['Bitbucket, a branch', { ...bitbucket, BITBUCKET_BRANCH: 'feature/x' }, 'branch-feature-x'],
    ['Bitbucket, a pull request', { ...bitbucket, BITBUCKET_BRANCH: 'x', BITBUCKET_PR_ID: '12' }, 'pr-12'],
    ['Azure, a branch', { ...azure, BUILD_SOURCEBRANCH: 'refs/heads/feature/x' }, 'branch-feature-x'],
    [
      'Azure, a pull request',
      { ...azure, SYSTEM_PULLREQUEST_PULLREQUESTID: '12', SYSTEM_PULLREQUEST_SOURCEBRANCH: 'refs/heads/x' },
      'pr-12',
    ],
    ['any other', { ENGINESHED_BRANCH: 'feature/x' }, 'branch-feature-x'],
    ['any other, a pull request', { ENGINESHED_BRANCH: 'x', ENGINESHED_PULL_REQUEST: '12' }, 'pr-12'],
    ['ours before theirs', { ...github, GITHUB_REF: 'refs/heads/y', ENGINESHED_PULL_REQUEST: '12' }, 'pr-12'],
    ['none', { GITHUB_REF: 'refs/heads/x' }, undefined],
  ])('%s', (_name, environment, tag) => {
    const feature = featureOf(checkout({ branch: undefined }), readPipeline(environment));
    const given = feature === undefined ? undefined : featureTag(feature).replace(/-[0-9a-f]{12}$/, '');
    expect(given).toBe(tag);
  });

  it('is not believed of another checkout', () => {
    const branch = readPipeline({ ...github, GITHUB_REF: 'refs/heads/main' });
    expect(featureOf(checkout({ revision: other, branch: 'x' }), branch)).toMatchObject({ branch: 'x' });
    // As in "pull_request_target", where the pipeline is that of the default branch and the checkout is not.
    expect(featureOf(checkout({ revision: other, branch: undefined }), branch)).toBeUndefined();
    const request = readPipeline({ ...github, GITHUB_REF: 'refs/pull/12/merge', GITHUB_HEAD_REF: 'x' });
    const headOf = (source: string) => checkout({ revision: other, branch: undefined, source });
    expect(featureOf(headOf('https://github.com/Acme/engine'), request)).toMatchObject({ pullRequest: 12 });
    expect(featureOf(headOf('https://github.com/acme/other'), request)).toBeUndefined();
    expect(featureOf(checkout({ revision: other, branch: 'main' }), request)).toMatchObject({
      branch: 'main',
    });
  });
});

describe('tags for a branch or pull request', () => {
  it('are never those of a channel or release', () => {
    const followedBy = (tag: string) => (tag === 'weekly' ? 'acme-weekly' : undefined);
    const refuse = (tag: string) =>
      refuseReleaseTags([tag], { branch: 'x', pullRequest: undefined }, followedBy);
    for (const tag of ['latest', 'edge', 'nightly', 'stable', '1', '1.2', 'v1.2.3', '1.2.3-rc.1', 'weekly'])
      expect(() => refuse(tag)).toThrow(`is not tagged "${tag}"`);
    for (const tag of ['sha-1234567', 'mine', 'branch-y']) expect(() => refuse(tag)).not.toThrow();
  });

  it('from git, for a pull request, are that of the commit', () => {
    const merged = checkout({ branch: 'main', tags: ['v1.0.0'] });
    expect(gitTags(merged)).toEqual(['edge', 'sha-1111111', '1.0.0']);
    expect(gitTags(merged, { branch: 'main', pullRequest: undefined })).toContain('edge');
    expect(gitTags(merged, { branch: 'main', pullRequest: 12 })).toEqual(['sha-1111111']);
  });
});

function checkout(differs: Partial<Checkout>): Checkout {
  const unknown = { source: undefined, branch: undefined, defaultBranch: undefined };
  return { revision: commit, committed: 0, dirty: false, tags: [], ...unknown, ...differs };
}
