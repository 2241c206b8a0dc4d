import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { expect } from 'vitest';
import type { Reporter } from '../../src/content/index.js';
import { canonicalJson } from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import {
  type RepairReport,
  readEngine,
  refuseDamaged,
  repair,
  type VerifyReport,
  verify,
} from '../../src/store/index.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

/** `first` has a source of one layer with all kinds of entries, and one of three layers with whiteouts. */
export async function makeInstalled(report?: Reporter): Promise<Sample> {
  const sample = await makeSample(report);
  await publishArchives(sample, 'single', [
    archive(
      directory('bin'),
      file('bin/run', '#!/bin/sh\necho run\n', { mode: 0o755 }),
      hardlink('bin/again', 'bin/run'),
      symlink('run', 'bin/run'),
      directory('empty'),
      file('blank', ''),
      file(Buffer.from('caf\xe9', 'latin1'), 'not UTF-8'),
      file('large', Buffer.alloc(3_000_000, 'x')),
    ),
  ]);
  await publishArchives(sample, 'tree', [
    archive(file('a', 'lowest'), file('d/b', 'hidden'), file('d/c', 'stays')),
    archive(file('d/.wh.b'), file('a', 'middle')),
    archive(file('top', 'top'), symlink('link', 'a')),
  ]);
  await sample.install('first', 'single', 'tree');
  return sample;
}

/** Verifies the store of a sample. */
export function check(
  { store }: Sample,
  mode: 'full' | 'fast' = 'full',
  engine?: string,
): Promise<VerifyReport> {
  return verify(store, { mode, engine, platform: 'linux' });
}

/** Repairs it. */
export function mend(sample: Sample, engine?: string): Promise<RepairReport> {
  const layout = layoutOf(sample);
  return repair(sample.store, { mode: 'full', engine, platform: 'linux', content: () => layout });
}

/** Where a source of an engine stands. */
export function sourceOf({ store }: Sample, name: string, engine = 'first'): string {
  return readEngine(store.paths, engine).sources[name]?.directory ?? '';
}

/** What was found: `KIND PATH`. */
export function told({ faults }: VerifyReport): string[] {
  return faults.map(({ fault, path }) => `${fault} ${path}`);
}

/** A path from the root of the store. */
export function within({ store }: Sample, path: string): string {
  return path.slice(store.paths.root.length + 1);
}

/** What a store is, but for its history. */
export function contentOf({ store }: Sample): Record<string, string> {
  const tree = treeOf(store.paths.root, (path) => !path.startsWith('history'));
  const recordOf = (path: string) =>
    canonicalJson(JSON.parse(readFileSync(`${store.paths.root}/${path}`, 'utf8')));
  return Object.fromEntries(
    // The order of fields is nobody's business.
    Object.entries(tree).map(([path, what]) => [path, path.endsWith('/engine.json') ? recordOf(path) : what]),
  );
}

/** Changes a file in its place, as a disk does: its times stay. */
export function flip(path: string, at = 0): void {
  const { atime, mtimeMs, mode } = lstatSync(path);
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  chmodSync(path, mode & 0o777);
  // Not rounded up, to a time after that of the record.
  utimesSync(path, atime, new Date(Math.floor(mtimeMs)));
}

/** Lets work be done in a directory that is read-only. */
export function inDirectory(path: string, work: () => void): void {
  const { mode } = lstatSync(path);
  chmodSync(path, 0o700);
  work();
  chmodSync(path, mode & 0o777);
}

/** A damaged engine is not run. */
export async function expectRefused({ store }: Sample, name: string): Promise<void> {
  await expect(useEngine(store, name)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  const engine = readEngine(store.paths, name);
  const gone = Object.values(engine.sources).some(({ directory }) => !existsSync(directory));
  expect(() => refuseDamaged(engine)).toThrow(gone ? 'is missing' : 'is damaged');
}

/** Puts a file in the place of another. */
export function replace(root: string, name: string, text: string): void {
  inDirectory(root, () => {
    unlinkSync(`${root}/${name}`);
    writeFileSync(`${root}/${name}`, text);
    chmodSync(`${root}/${name}`, 0o444);
  });
}

/** Puts a link in the place of another, or where nothing is. */
export function relink(root: string, name: string, target: string, how: 'change' | 'make' = 'change'): void {
  inDirectory(root, () => {
    if (how === 'change') unlinkSync(`${root}/${name}`);
    symlinkSync(target, `${root}/${name}`);
  });
}

/** Changes a text in a file. */
export function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
}

/** Removes a directory in its place, whatever its modes. */
export function removeNow(root: string): void {
  for (const name of readdirSync(root, { recursive: true }) as string[])
    if (lstatSync(`${root}/${name}`, { throwIfNoEntry: false })?.isDirectory())
      chmodSync(`${root}/${name}`, 0o700);
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
}
