import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

/** What of a directory a power cut must not break. Paths are from that directory. */
export interface Durable {
  readonly root: string;
  /** Paths whose bytes, or names, are not to be lost once they are there; others may be. */
  readonly isKept: (path: string, what: 'bytes' | 'name') => boolean;
  /** Links that lead to what is kept, and what else is not to come back once it is gone. */
  readonly isName: (path: string) => boolean;
}

/** What a disk that loses power would have done. */
export interface PowerCut {
  /** What it could have broken, for people. */
  readonly losses: readonly string[];
  /** How often bytes and names were made durable. A test that saw none saw nothing. */
  readonly syncs: number;
}

/**
 * Runs `work` and tells where it relies on what is not on the disk yet. Bytes get there by `fsync` of their file, names by `fsync` of
 * their directory, and in no other way:
 *
 * - a file that is moved to its place has its bytes on the disk, and a directory that is moved its names too;
 * - a name that is moved to its place finds everything that was put in its place before on the disk;
 * - at the end what was made or moved is on the disk, and of a name also that it was removed.
 */
export async function powerCut(durable: Durable, work: () => Promise<unknown>): Promise<PowerCut> {
  if (disk !== undefined) throw new Error('one power cut at a time');
  disk = new Disk(durable);
  try {
    await work();
    disk.end();
    return { losses: [...disk.losses], syncs: disk.syncs };
  } finally {
    disk = undefined;
  }
}

class Disk {
  readonly losses = new Set<string>();
  syncs = 0;
  readonly #durable: Durable;
  readonly #root: string;
  /** Files with bytes that are not on the disk. */
  readonly #bytes = new Set<string>();
  /** Paths that the disk does not have yet. */
  readonly #made = new Set<string>();
  /** Paths that the disk still has. */
  readonly #gone = new Set<string>();
  readonly #opened = new Map<number, string>();

  constructor(durable: Durable) {
    this.#durable = durable;
    this.#root = `${durable.root}/`;
  }

  opened(fd: number, path: string, isNew: boolean): void {
    if (!this.#sees(path)) return;
    this.#opened.set(fd, path);
    if (isNew) this.made(path);
  }

  closed(fd: number): void {
    this.#opened.delete(fd);
  }

  written(file: number | string): void {
    const path = this.#pathOf(file);
    if (path !== undefined) this.#bytes.add(path);
  }

  synced(fd: number): void {
    const path = this.#pathOf(fd);
    if (path === undefined) return;
    this.syncs++;
    this.#bytes.delete(path);
    for (const set of [this.#made, this.#gone])
      for (const name of set) if (dirname(name) === path) set.delete(name);
  }

  made(path: string): void {
    if (!this.#sees(path)) return;
    this.#made.add(path);
    this.#gone.delete(path);
  }

  removed(path: string): void {
    if (!this.#sees(path)) return;
    for (const set of [this.#bytes, this.#made, this.#gone]) forget(set, path);
    this.#gone.add(path);
  }

  moved(from: string, to: string): void {
    if (!this.#sees(to)) return;
    const [here, there] = [this.#within(from), this.#within(to)];
    const when = `when ${here} is moved to ${there}`;
    for (const file of below(this.#bytes, from))
      this.#lose('bytes', to + file.slice(from.length), `its bytes are not on the disk ${when}`);
    for (const path of below(this.#made, from))
      if (path !== from)
        this.#lose('name', to + path.slice(from.length), `its name is not on the disk ${when}`);
    if (this.#durable.isName(there))
      // What the name stands in is lost together with it.
      for (const path of this.#made)
        if (path !== from && !to.startsWith(`${path}/`))
          this.#lose('name', path, `its name is not on the disk ${when}`);
    const moving = [this.#bytes, this.#made].map((set) => ({ set, paths: below(set, from) }));
    this.removed(to);
    this.removed(from);
    for (const { set, paths } of moving) for (const path of paths) set.add(to + path.slice(from.length));
    this.made(to);
    for (const [fd, path] of this.#opened)
      if (path === from || path.startsWith(`${from}/`)) this.#opened.set(fd, to + path.slice(from.length));
  }

  end(): void {
    for (const file of this.#bytes) this.#lose('bytes', file, 'its bytes are not on the disk at the end');
    for (const path of this.#made) this.#lose('name', path, 'its name is not on the disk at the end');
    for (const path of this.#gone)
      if (this.#durable.isName(this.#within(path)))
        this.#lose('name', path, 'it is still on the disk at the end');
  }

  #lose(what: 'bytes' | 'name', path: string, why: string): void {
    const within = this.#within(path);
    if (this.#durable.isKept(within, what))
      this.losses.add(`${within}: ${why}`.replace(/[0-9a-f]{12,}/g, '…'));
  }

  #within(path: string): string {
    return path.slice(this.#root.length);
  }

  #sees(path: unknown): path is string {
    return typeof path === 'string' && `${path}/`.startsWith(this.#root);
  }

  #pathOf(file: number | string): string | undefined {
    const path = typeof file === 'number' ? this.#opened.get(file) : file;
    return this.#sees(path) ? path : undefined;
  }
}

function below(paths: ReadonlySet<string>, directory: string): string[] {
  return [...paths].filter((path) => path === directory || path.startsWith(`${directory}/`));
}

function forget(paths: Set<string>, directory: string): void {
  for (const path of below(paths, directory)) paths.delete(path);
}

let disk: Disk | undefined;

type AnyCall = (...args: never[]) => unknown;

/** Lets `seen` look at every call that succeeded. */
function watch(name: keyof typeof fs, seen: (to: Disk, args: unknown[], result: unknown) => void): void {
  const real = fs[name] as AnyCall;
  const watching = (...args: never[]) => {
    const result = real(...args);
    if (disk !== undefined) seen(disk, args, result);
    return result;
  };
  Object.assign(fs, { [name]: Object.assign(watching, real) });
}

const text = String;
const number = Number;

function makesNew(path: unknown, flags: unknown): boolean {
  const creates = typeof flags === 'number' ? (flags & fs.constants.O_CREAT) > 0 : /^[wa]/.test(text(flags));
  return creates && real.lstatSync(text(path), { throwIfNoEntry: false }) === undefined;
}

const real = {
  openSync: fs.openSync,
  lstatSync: fs.lstatSync,
  existsSync: fs.existsSync,
  open: fs.promises.open,
  fsync: fs.fsync,
};

fs.openSync = (path, flags, mode) => {
  const isNew = disk !== undefined && makesNew(path, flags);
  const fd = real.openSync(path, flags, mode);
  disk?.opened(fd, text(path), isNew);
  return fd;
};
watch('closeSync', (to, [fd]) => to.closed(number(fd)));
for (const name of ['writeSync', 'writevSync', 'ftruncateSync'] as const)
  watch(name, (to, [fd]) => to.written(number(fd)));
watch('writeFileSync', (to, [file]) => {
  if (typeof file === 'string') to.made(file);
  to.written(file as number | string);
});
watch('truncateSync', (to, [path]) => to.written(text(path)));
for (const name of ['fsyncSync', 'fdatasyncSync'] as const) watch(name, (to, [fd]) => to.synced(number(fd)));
watch('renameSync', (to, [from, path]) => to.moved(text(from), text(path)));
for (const name of ['symlinkSync', 'linkSync'] as const) watch(name, (to, [, path]) => to.made(text(path)));
for (const name of ['rmSync', 'unlinkSync', 'rmdirSync'] as const)
  watch(name, (to, [path]) => to.removed(text(path)));
const mkdirSync = fs.mkdirSync;
fs.mkdirSync = ((path: fs.PathLike, options: fs.MakeDirectoryOptions) => {
  const missing: string[] = [];
  for (let at = text(path); disk !== undefined && !real.existsSync(at); at = dirname(at)) missing.push(at);
  const result = mkdirSync(path, options);
  for (const each of missing) disk?.made(each);
  return result;
}) as typeof fs.mkdirSync;
fs.fsync = ((fd: number, done: fs.NoParamCallback) =>
  real.fsync(fd, (error) => {
    if (!error) disk?.synced(fd);
    done(error);
  })) as typeof fs.fsync;
fs.promises.open = async (path, flags, mode) => {
  const isNew = disk !== undefined && makesNew(path, flags);
  const handle = await real.open(path, flags, mode);
  const { fd } = handle;
  disk?.opened(fd, text(path), isNew);
  const after = (
    name: 'write' | 'writeFile' | 'truncate' | 'sync' | 'datasync' | 'close',
    seen: () => void,
  ) => {
    const inner = handle[name].bind(handle) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(handle, {
      [name]: async (...args: unknown[]) => {
        const result = await inner(...args);
        seen();
        return result;
      },
    });
  };
  for (const name of ['write', 'writeFile', 'truncate'] as const) after(name, () => disk?.written(fd));
  for (const name of ['sync', 'datasync'] as const) after(name, () => disk?.synced(fd));
  after('close', () => disk?.closed(fd));
  return handle;
};
syncBuiltinESMExports();
