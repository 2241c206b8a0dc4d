import { execFile } from 'node:child_process';
import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** Variables by which git means another repository than that of the directory; hooks and `git rebase --exec` set them. */
const repositoryVariables = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/** What keeps a checkout's own configuration from running programs when git is asked about it. */
const safeConfiguration = ['-c', 'core.fsmonitor=false', '-c', 'safe.bareRepository=explicit'];

/** Who asks about a checkout. */
export interface CheckoutReader {
  /** The environment that git runs in; what would lead it to another repository is left out. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The number of the user, where the system has such. */
  readonly userId: number | undefined;
}

/**
 * Asks git about a directory; undefined where it is no checkout, has no commit, or there is no git.
 * @throws EngineshedError `FILE_PERMISSION` where git refuses the directory because it belongs to somebody else, `IO_FAILED`
 * where git fails on a checkout
 */
export async function readCheckout(directory: string, reader: CheckoutReader): Promise<Checkout | undefined> {
  const git = gitIn(directory, reader.environment);
  const orNothing = (answer: Promise<string>) => answer.catch(() => '');
  try {
    if ((await git('rev-parse', '--is-inside-work-tree')) !== 'true') return undefined;
  } catch (error) {
    const isThere = ((error as Error).cause as NodeJS.ErrnoException).code !== 'ENOENT';
    if (isThere) refuseForeign(realpathSync(directory), reader.userId);
    return undefined;
  }
  const head = await orNothing(git('log', '-1', '--no-show-signature', '--format=%H %ct'));
  if (head === '') return undefined;
  const [revision = '', committed = ''] = head.split(' ');
  const [status, remote, branch, remoteHead, tags] = await Promise.all([
    git('status', '--porcelain', '--untracked-files=normal', '--', '.'),
    // As it is written: what "url.insteadOf" of this user makes of it is nobody else's address.
    orNothing(git('config', '--get', 'remote.origin.url')),
    orNothing(git('symbolic-ref', '--quiet', '--short', 'HEAD')),
    orNothing(git('symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD')),
    git('for-each-ref', '--points-at=HEAD', '--format=%(refname:strip=2)', 'refs/tags'),
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
 * become `https://host/org/repo`. Undefined for what is no host's, such as a path, and for what cannot be told from a
 * password.
 */
export function publicAddress(remote: string): string | undefined {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+\.[A-Za-z]+):(?!\/\/)\/?(.+)$/.exec(remote);
  const url = /^(?:https?|ssh|git):\/\/(?:[^/\s]*@)?([^/:@\s]+)(:\d+)?\/([^@]+)$/.exec(remote);
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

function gitIn(directory: string, environment: CheckoutReader['environment']) {
  const env = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !repositoryVariables.has(name)),
  );
  return async (...args: string[]): Promise<string> => {
    try {
      const { stdout } = await run('git', [...safeConfiguration, '-C', directory, ...args], {
        env: { ...env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (cause) {
      const said = String((cause as { stderr?: unknown }).stderr ?? '').trim();
      throw new EngineshedError('IO_FAILED', `git ${args[0]} failed in ${directory}: ${said}`, {
        hint: 'Repair the checkout, or publish a copy of it without its ".git".',
        cause,
        details: { path: directory },
      });
    }
  };
}

/** Git answers nothing about a checkout of another user; that must not pass for a directory without one. */
function refuseForeign(directory: string, userId: number | undefined): void {
  const top = checkoutTop(directory);
  if (top === undefined || userId === undefined) return;
  const owners = [top, `${top}/.git`].map((path) => lstatSync(path, { throwIfNoEntry: false })?.uid);
  if (owners.every((owner) => owner === userId)) return;
  throw new EngineshedError('FILE_PERMISSION', `git does not trust ${top}, because another user owns it`, {
    hint: `Allow it with: git config --global --add safe.directory ${top}`,
    details: { path: top },
  });
}

function checkoutTop(directory: string): string | undefined {
  if (lstatSync(`${directory}/.git`, { throwIfNoEntry: false }) !== undefined) return directory;
  const parent = dirname(directory);
  return parent === directory ? undefined : checkoutTop(parent);
}
