import { execFileSync } from 'node:child_process';
import type { Stand } from './stand.js';
import { systemCalls, undurable } from './strace.js';

/** Why system calls cannot be watched here; undefined where they can. */
export function untraceable(): 'strace is missing' | 'ptrace is not permitted' | undefined {
  try {
    execFileSync('strace', ['-qq', '-e', 'trace=none', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'strace is missing' : 'ptrace is not permitted';
  }
}

/**
 * Compares the calls that can be struck with those that the system sees. Gives how many of the latter there are, and what is wrong:
 * calls that nobody would strike, and changes that a power cut could take (docs/decisions/0005).
 */
export async function compareWithSystem(stand: Stand): Promise<{ seen: number; faults: string[] }> {
  await stand.restore();
  const { change, user, calls } = stand;
  const system = await systemCalls(user, change, {
    ...change.environment,
    TMPDIR: `${user.home}/tmp`,
  });
  const struck = new Set<string>();
  for (const { changes, name, path } of calls) {
    if (!changes) continue;
    const at = plain(path.slice(user.home.length + 1));
    // What removes a file or a directory is one call or the other; what makes a directory may make those above it.
    for (const call of name === 'rm' ? ['unlink', 'rmdir'] : [name]) struck.add(`${call} ${at}`);
    if (name === 'writeFile') for (const call of ['open', 'write']) struck.add(`${call} ${at}`);
    const parts = name === 'mkdir' ? at.split('/') : [];
    for (const [end] of parts.entries()) struck.add(`mkdir ${parts.slice(0, end).join('/')}`);
  }
  const seen = new Set(system.map(({ name, path }) => `${name} ${plain(path)}`));
  const unseen = [...seen].filter((call) => !struck.has(call));
  return {
    seen: system.length,
    faults: [...unseen.map((call) => `${call} is no call that can be struck`), ...undurable(system)],
  };
}

/** Names that are different each time. */
function plain(path: string): string {
  return path
    .replace(/\d+-\d+-[0-9a-f]{12}-[0-9a-f]{12}/g, 'OWNED')
    .replace(/-[0-9a-f]{16}(?=\/|$)/g, '-RANDOM')
    .replace(/(?<=^work\/.*\/blobs\/\w+\/)\w+/, 'DIGEST');
}
