import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EngineshedError } from '../errors/index.js';

const run = promisify(execFile);

/** What git knows of a directory that is a checkout. */
export interface Checkout {
  /** The commit that is checked out, 40 or 64 hexadecimal digits. */
  readonly revision: string;
  /** The time of that commit, in seconds since the epoch. */
  readonly committed: number;
  /** Whether files in the directory differ from that commit, or are unknown to it. */
  readonly dirty: boolean;
  /** The address of the remote `origin` for people, without credentials; undefined where there is none. */
  readonly source: string | undefined;
  /** The branch; undefined for a detached head. */
  readonly branch: string | undefined;
  /** The remote's default branch, where the checkout knows it. */
  readonly defaultBranch: string | undefined;
  /** The tags that point at the commit. */
  readonly tags: readonly string[];
}

/**
 * Asks git about a directory; undefined where it is no checkout, has no commit, or there is no git.
 * @param environment the environment that git runs in
 * @throws EngineshedError `FILE_PERMISSION` where git refuses the directory because it belongs to somebody else
 */
export async function readCheckout(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Checkout | undefined> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', ['-C', directory, ...args], {
      env: { ...environment, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  };
  const orNothing = (answer: Promise<string>) => answer.catch(() => '');
  let head: string;
  try {
    head = await git('log', '-1', '--no-show-signature', '--format=%H %ct');
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? '');
    if (!said.includes('dubious ownership')) return undefined;
    throw new EngineshedError(
      'FILE_PERMISSION',
      `git does not trust ${directory}, because another user owns it`,
      {
        hint: `Allow it with: git config --global --add safe.directory ${directory}`,
        cause: error,
      },
    );
  }
  const [revision = '', committed = ''] = head.split(' ');
  const [status, remote, branch, remoteHead, tags] = await Promise.all([
    git('status', '--porcelain', '--untracked-files=normal', '--', '.'),
    orNothing(git('remote', 'get-url', 'origin')),
    orNothing(git('symbolic-ref', '--quiet', '--short', 'HEAD')),
    orNothing(git('symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD')),
    git('tag', '--points-at', 'HEAD'),
  ]);
  return {
    revision,
    committed: Number(committed),
    dirty: status !== '',
    source: publicAddress(remote),
    branch: branch === '' ? undefined : branch,
    defaultBranch: remoteHead === '' ? undefined : remoteHead.replace(/^origin\//, ''),
    tags: tags.split('\n').filter((tag) => tag !== ''),
  };
}

/**
 * The https address of a git remote, without user and password: `git@host:org/repo.git` and `ssh://git@host/org/repo.git`
 * become `https://host/org/repo`. Undefined for what is no host's, such as a path.
 */
export function publicAddress(remote: string): string | undefined {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+\.[A-Za-z]+):(?!\/\/)\/?(.+)$/.exec(remote);
  const url = /^(?:https?|ssh|git):\/\/(?:[^@/\s]*@)?([^/:\s]+)(:\d+)?\/(.+)$/.exec(remote);
  const plain = (path: string) =>
    path
      .replace(/[?#].*$/, '')
      .replace(/\/+$/, '')
      .replace(/\.git$/, '');
  if (url?.[1] !== undefined && url[3] !== undefined) {
    const port = /^https?:/.test(remote) ? (url[2] ?? '') : '';
    return `https://${url[1]}${port}/${plain(url[3])}`;
  }
  return scp?.[1] !== undefined && scp[2] !== undefined ? `https://${scp[1]}/${plain(scp[2])}` : undefined;
}
