import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** The calls that change what names in a file system stand for, or what is in files. */
const changing = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'closeSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'symlinkSync',
] as const;

type SyncCall =
  | (typeof changing)[number]
  | 'mkdirSync'
  | 'linkSync'
  | 'rmdirSync'
  | 'fsyncSync'
  | 'readFileSync'
  | 'readdirSync'
  | 'lstatSync'
  | 'statSync'
  | 'chmodSync';

/** Lets calls of `node:fs` be others for as long as `work` runs; each is made of the real one. */
export async function withCalls<T>(
  others: { readonly [Name in SyncCall]?: (real: (typeof fs)[Name]) => unknown },
  work: () => T | Promise<T>,
): Promise<T> {
  const real = { ...fs };
  for (const [name, make] of Object.entries(others) as [SyncCall, (real: unknown) => unknown][])
    Object.assign(fs, { [name]: Object.assign(make(real[name]) as object, real[name]) });
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    for (const name of Object.keys(others) as SyncCall[]) Object.assign(fs, { [name]: real[name] });
    syncBuiltinESMExports();
  }
}

/** Runs `work`, and `look` after each of its calls that change something; gives what that saw, each once, in its order. */
export async function seenAtEachCall<T>(look: () => T, work: () => unknown): Promise<T[]> {
  const seen = new Set<T>();
  const looking =
    (real: (...args: never[]) => unknown) =>
    (...args: never[]) => {
      const result = real(...args);
      seen.add(look());
      return result;
    };
  await withCalls(Object.fromEntries(changing.map((name) => [name, looking])), work);
  return [...seen];
}

/** An error as a system call ends with. */
export function systemError(code: string, syscall = 'open'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made up`), { code, syscall, errno: -1 });
}

/** A call that fails for the paths that `fails` tells, and is the real one for others. */
export function failing(code: string, fails: (path: string) => boolean) {
  return (real: unknown) =>
    ((path: unknown, ...args: unknown[]) => {
      if (typeof path === 'string' && fails(path)) throw systemError(code);
      return (real as (...args: unknown[]) => unknown)(path, ...args);
    }) as never;
}
