import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { counted, mapLimited, shortDigest } from '../content/index.js';
import { inOperation } from '../errors/index.js';
import { ContentSums, fileSum, linkSum, listLayer, NameBudget, Overlay } from '../layer/index.js';
import { decodeName, fsPath, joinPath } from '../tar/names.js';
import type { TreeInputs } from './tree.js';

/** How many layers are read at the same time. */
const concurrentLayers = 4;

/** What is in every file and symbolic link of a tree, by path: equal sums, equal content. */
export type FileSums = ReadonlyMap<string, string>;

/** A file that two trees do not have alike. */
export interface FileChange {
  /** `showName` makes it fit to print. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
}

/**
 * Reads all layers of an image, writing nothing.
 * @throws EngineshedError as `listLayer` and the content do
 */
export async function sumImage({ content, layers, report, limits }: TreeInputs): Promise<FileSums> {
  const budget = new NameBudget();
  const read = await mapLimited(layers, concurrentLayers, async (layer) => {
    const { descriptor } = layer;
    const label = shortDigest(descriptor.digest);
    const about = { id: descriptor.digest, label, total: descriptor.size };
    const watcher = new ContentSums();
    try {
      const stream = counted(await content.fetch(descriptor), about, report);
      const listed = await listLayer(stream, layer, { budget, watcher, limits });
      report({ type: 'transferred', action: 'read', ...about });
      return { listed, sums: watcher.sums };
    } catch (error) {
      throw inOperation(`Reading the layer ${label}`, error);
    }
  });
  const overlay = new Overlay(read.map(({ listed }) => listed));
  const all = new Map<string, string>();
  const visit = (path: string, from: readonly number[]) => {
    for (const [name, { entry, layers: winners }] of overlay.children(path, from)) {
      const child = joinPath(path, name);
      const sum = read[winners[0] ?? 0]?.sums.get(child);
      if (entry.kind === 'directory') visit(child, winners);
      else if (sum !== undefined) all.set(child, sum);
    }
  };
  visit('', overlay.all);
  return all;
}

/**
 * Reads all files below a directory; links are not followed.
 * @throws NodeJS.ErrnoException
 */
export function sumDirectory(root: string): FileSums {
  const sums = new Map<string, string>();
  const visit = (path: string) => {
    const entries = readdirSync(fsPath(root, path), { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries) {
      const child = joinPath(path, decodeName(entry.name as unknown as Buffer));
      const at = fsPath(root, child);
      if (entry.isDirectory()) visit(child);
      else if (entry.isFile()) sums.set(child, sumFile(at));
      else if (entry.isSymbolicLink())
        sums.set(child, linkSum(decodeName(readlinkSync(at, { encoding: 'buffer' }))));
    }
  };
  visit('');
  return sums;
}

/** The files that two trees do not have alike, by path. */
export function compareSums(before: FileSums, after: FileSums): FileChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path): FileChange[] => {
    if (!before.has(path)) return [{ path, change: 'added' }];
    if (!after.has(path)) return [{ path, change: 'removed' }];
    return before.get(path) === after.get(path) ? [] : [{ path, change: 'changed' }];
  });
}

const buffer = Buffer.allocUnsafe(1024 * 1024);

function sumFile(path: string | Buffer): string {
  const fd = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer))
      hash.update(buffer.subarray(0, length));
    return fileSum(fstatSync(fd).mode, hash);
  } finally {
    closeSync(fd);
  }
}
