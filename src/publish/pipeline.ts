import type { Checkout } from './checkout.js';
import { publicAddress } from './checkout.js';

/** A branch or a pull request whose state is published. */
export interface Feature {
  /** The branch; undefined where only the number of the pull request is known. */
  readonly branch: string | undefined;
  readonly pullRequest: number | undefined;
}

/** What a pipeline's environment says that it runs for. */
export interface Pipeline extends Feature {
  /** The commit; undefined where that is not told, and then every checkout is meant. */
  readonly commit: string | undefined;
  /** The address of the repository, as {@link publicAddress} gives it. */
  readonly repository: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the environment says of a branch or pull request: `ENGINESHED_BRANCH` and `ENGINESHED_PULL_REQUEST`, else the variables of
 * GitHub Actions, GitLab CI, Jenkins (multibranch, or with its git plugin), Bitbucket Pipelines or Azure Pipelines. Undefined
 * where it says nothing, or that the pipeline runs for a tag.
 */
export function readPipeline(environment: Environment): Pipeline | undefined {
  const said = readers.map((read) => read(environment)).find((pipeline) => pipeline !== undefined);
  return said?.branch === undefined && said?.pullRequest === undefined ? undefined : said;
}

/**
 * The branch or pull request that a checkout is of. The pipeline's word counts where it is about this checkout: at the same commit,
 * or, as the commit of a pull request differs by what is checked out of it, a detached head of the same repository. Else git's
 * word counts: a pipeline may publish more than the repository that it runs for.
 * @param checkout undefined for a directory that is none: then the pipeline is taken at its word
 */
export function featureOf(
  checkout: Checkout | undefined,
  pipeline: Pipeline | undefined,
): Feature | undefined {
  if (pipeline !== undefined && isAbout(pipeline, checkout)) {
    const { branch, pullRequest } = pipeline;
    return { branch, pullRequest };
  }
  const branch = checkout?.branch;
  return branch === undefined ? undefined : { branch, pullRequest: undefined };
}

function isAbout(pipeline: Pipeline, checkout: Checkout | undefined): boolean {
  if (checkout === undefined || pipeline.commit === undefined || pipeline.commit === checkout.revision)
    return true;
  const isDetached = checkout.branch === undefined || checkout.branch === pipeline.branch;
  const isSameRepository =
    checkout.source !== undefined && checkout.source.toLowerCase() === pipeline.repository?.toLowerCase();
  return pipeline.pullRequest !== undefined && isDetached && isSameRepository;
}

/** Each gives undefined where it is not its pipeline. */
const readers: readonly ((environment: Environment) => Pipeline | undefined)[] = [
  ({ ENGINESHED_BRANCH: branch, ENGINESHED_PULL_REQUEST: number }) =>
    branch || number ? told(branch, number, undefined, undefined) : undefined,
  (env) => {
    if (env.GITHUB_ACTIONS !== 'true') return undefined;
    const { GITHUB_REF: ref = '', GITHUB_HEAD_REF: head, GITHUB_SHA: commit } = env;
    const number = /^refs\/pull\/(\d+)\//.exec(ref)?.[1];
    const repository = `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}`;
    return told(number === undefined ? ref : head, number, commit, repository);
  },
  (env) => {
    if (env.GITLAB_CI !== 'true') return undefined;
    const { CI_MERGE_REQUEST_IID: number, CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: head } = env;
    return told(head || env.CI_COMMIT_BRANCH, number, env.CI_COMMIT_SHA, env.CI_PROJECT_URL);
  },
  (env) => {
    if (!env.BITBUCKET_BUILD_NUMBER) return undefined;
    const { BITBUCKET_BRANCH: branch, BITBUCKET_PR_ID: number, BITBUCKET_COMMIT: commit } = env;
    return told(branch, number, commit, env.BITBUCKET_GIT_HTTP_ORIGIN);
  },
  (env) => {
    if (env.TF_BUILD?.toLowerCase() !== 'true') return undefined;
    // That of a repository elsewhere has a number there, and an id here.
    const number = env.SYSTEM_PULLREQUEST_PULLREQUESTNUMBER || env.SYSTEM_PULLREQUEST_PULLREQUESTID;
    const ref = number ? env.SYSTEM_PULLREQUEST_SOURCEBRANCH : env.BUILD_SOURCEBRANCH;
    return told(ref, number, env.BUILD_SOURCEVERSION, env.BUILD_REPOSITORY_URI);
  },
  (env) => {
    if (!env.JENKINS_URL) return undefined;
    const { CHANGE_ID: number, CHANGE_BRANCH: head, BRANCH_NAME: name, GIT_COMMIT: commit } = env;
    const branch = number
      ? head
      : env.TAG_NAME
        ? undefined
        : name || env.GIT_BRANCH?.replace(/^origin\//, '');
    return told(branch === 'detached' ? undefined : branch, number, commit, env.GIT_URL);
  },
];

/** @param branch its name, or a ref in full; that of a tag, or of anything else, is no branch */
function told(
  branch: string | undefined,
  number: string | undefined,
  commit: string | undefined,
  repository: string | undefined,
): Pipeline {
  const name = branch?.replace(/^refs\/heads\//, '');
  return {
    branch: name && !name.startsWith('refs/') ? name : undefined,
    pullRequest: number !== undefined && /^[1-9]\d{0,8}$/.test(number) ? Number(number) : undefined,
    commit: commit || undefined,
    repository: repository === undefined ? undefined : publicAddress(repository),
  };
}
