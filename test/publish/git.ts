import { execFileSync } from 'node:child_process';

/** An environment in which git knows nobody's configuration. */
export const gitEnvironment = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_AUTHOR_DATE: '2024-05-06T07:08:09Z',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_COMMITTER_DATE: '2024-05-06T07:08:09Z',
};

/** Runs git in a directory and gives what it prints. */
export function git(directory: string, ...args: string[]): string {
  const options = { cwd: directory, env: gitEnvironment, encoding: 'utf8', stdio: 'pipe' } as const;
  return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], options).trim();
}

/** Makes what is in a directory a repository with one commit on `main`. */
export function commitAll(directory: string): void {
  git(directory, 'init', '-q', '-b', 'main');
  git(directory, 'add', '-A');
  git(directory, 'commit', '-q', '-m', 'first');
}
