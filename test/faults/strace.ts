import { readFileSync } from 'node:fs';
import { program, run, type User } from '../acceptance/user.js';
import type { Change } from './changes.js';

/** A system call that changes the file system below a user's home, or makes such a change durable. */
export interface SystemCall {
  readonly name: string;
  /** The path it is about, the last one where there are two; for calls on a descriptor what that was opened as. */
  readonly path: string;
  /** Of a rename the earlier path. */
  readonly from: string;
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
  { command, input, status = 0 }: Pick<Change, 'command' | 'input' | 'status'>,
  environment: Readonly<Record<string, string>>,
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
    ...(input === undefined ? {} : { input }),
  });
  if (ran.status !== status) throw new Error(`strace ended with ${ran.status}: ${ran.stderr}`);
  return joined(readFileSync(output, 'utf8').split('\n')).flatMap((line) => parse(line, user.home));
}

/**
 * What a power cut could take although a name leads to it (docs/decisions/0005): content that is not synced before it is renamed to
 * its place, and names that are not synced after. The files of a layer are left out.
 */
export function undurable(calls: readonly SystemCall[]): string[] {
  const isSynced = (path: string, after: number, before: number) =>
    calls.some((call, at) => call.name === 'fsync' && call.path === path && at > after && at < before);
  return calls.flatMap(({ name, path, from }, at) => {
    if (name !== 'rename' || /^(store\/staging|tmp)\//.test(path)) return [];
    const faults: string[] = [];
    const written = calls.slice(0, at).filter((call) => call.name === 'write' && isBelow(call.path, from));
    for (const file of new Set(written.map((call) => call.path))) {
      const last = calls.slice(0, at).findLastIndex((call) => call.name === 'write' && call.path === file);
      const isOfLayer = path.startsWith('store/layers/') && !file.endsWith('/layer.json');
      if (!isOfLayer && !isSynced(file, last, at)) faults.push(`${file} is not synced before it is ${path}`);
    }
    const isDirectory = written.some((call) => call.path !== from);
    if (path.startsWith('store/engines/') && isDirectory && !isSynced(from, -1, at))
      faults.push(`the names in ${from} are not synced before it is ${path}`);
    const parent = path.replace(/\/[^/]*$/, '');
    if (!isSynced(parent, at, calls.length)) faults.push(`${parent} is not synced after ${path} is there`);
    return faults;
  });
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
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
  if (!path?.startsWith(`${home}/`)) return [];
  return [{ name, path: path.slice(home.length + 1), from: (named.at(0) ?? '').slice(home.length + 1) }];
}
