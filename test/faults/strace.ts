import { readFileSync } from 'node:fs';
import { program, run, type User } from '../acceptance/user.js';

/** A system call that changes the file system below a user's home, or makes such a change durable. */
export interface SystemCall {
  readonly name: string;
  /** The path it is about, the last one where there are two; for calls on a descriptor what that was opened as. */
  readonly path: string;
}

const traced = [
  ...[
    'openat',
    'mkdir',
    'mkdirat',
    'rename',
    'renameat',
    'renameat2',
    'symlink',
    'symlinkat',
    'link',
    'linkat',
    'unlink',
    'unlinkat',
  ],
  ...[
    'rmdir',
    'chmod',
    'fchmod',
    'fchmodat',
    'chown',
    'fchown',
    'lchown',
    'truncate',
    'ftruncate',
    'utimensat',
    'mknod',
  ],
  ...[
    'write',
    'pwrite64',
    'writev',
    'pwritev',
    'fsync',
    'fdatasync',
    'fallocate',
    'copy_file_range',
    'sendfile',
    'ioctl',
  ],
];

/** Runs the built program under strace, and gives the calls of all its threads in order. */
export async function systemCalls(
  user: User,
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<SystemCall[]> {
  const output = `${user.home}/../strace`;
  const options = [
    '-f',
    '-y',
    '-qq',
    '-s',
    '4096',
    '-e',
    `trace=${traced.join(',')}`,
    '-e',
    'signal=none',
    '-o',
    output,
  ];
  // One thread for what is not awaited at once, so that the order is that of the program.
  const env = { ...user.environment, ...environment, UV_THREADPOOL_SIZE: '1' };
  const ran = await run('strace', [...options, process.execPath, program, ...command], {
    directory: user.work,
    environment: env,
  });
  if (ran.status !== 0) throw new Error(`strace ended with ${ran.status}: ${ran.stderr}`);
  return joined(readFileSync(output, 'utf8').split('\n')).flatMap((line) => parse(line, user.home));
}

/** Puts together what strace splits where threads take turns. */
function joined(lines: readonly string[]): string[] {
  const open = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (text.endsWith('<unfinished ...>')) {
      open.set(thread, text.replace(/ *<unfinished \.\.\.>$/, ''));
      return [];
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    return [rest === undefined ? text : `${open.get(thread) ?? ''}${rest}`];
  });
}

function parse(line: string, home: string): SystemCall[] {
  const [, call = '', args = '', result = ''] = /^(\w+)\((.*)\) += (.*)$/.exec(line) ?? [];
  if (result.startsWith('-1')) return [];
  const name = call.replace(/at2?$/, '').replace(/^p?writev?(64)?$/, 'write');
  if (name === 'open' && !/O_WRONLY|O_RDWR|O_CREAT/.test(args)) return [];
  const onDescriptor = /^\d+<([^>]*)>/.exec(args)?.[1];
  const named = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? '');
  const path = call.endsWith('at') || onDescriptor === undefined ? named.at(-1) : onDescriptor;
  return path?.startsWith(`${home}/`) ? [{ name, path: path.slice(home.length + 1) }] : [];
}
