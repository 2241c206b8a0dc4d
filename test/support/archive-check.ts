import { lstatSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import { verified } from '../../src/content/index.js';
import { applyLayer, listLayer, NameBudget } from '../../src/layer/index.js';
import { listFiles, openFile } from '../../src/look/index.js';
import { describe, digestOf, mediaTypes } from '../../src/oci/index.js';
import { decodeName, encodeName } from '../../src/tar/names.js';
import type { Canary } from './canary.js';
import { endings, type Part, partArbitrary } from './hostile-archive.js';
import { type ModelLayer, type ModelNode, modelLayer, showTree } from './layer-model.js';
import { imageOfLayers } from './layers.js';
import { inPieces, layerOf, type StoredLayer, treeOf } from './tar-layer.js';

/** What is done with links that lead out. */
export type Mode = 'reject' | 'inert';
/** A layer that was applied. */
export type Layer = { root: string; whiteouts: string[]; opaques: string[] };

/** The codes that a hostile archive is refused with. */
export const refusals = ['LAYER_UNSAFE', 'LAYER_INVALID'];
const inBytes = (name: string) => encodeName(name).toString('latin1');

/** Applies a layer beside a canary; returns what stands there, or the code of the refusal. */
export async function apply(
  canary: Canary,
  layer: StoredLayer,
  externalLinks: Mode,
  pieces = 65_536,
): Promise<Layer | string> {
  const root = await canary.newRoot();
  try {
    const stream = verified(inPieces(layer.bytes, pieces), layer.descriptor);
    const applied = await applyLayer(stream, layer, root, { externalLinks });
    return { root, whiteouts: applied.whiteouts, opaques: applied.opaques };
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  } finally {
    expect(canary.faults()).toEqual([]);
  }
}

/** A layer as `ls` reads it, in the form of `treeOf` without digests; or the code of the refusal. */
async function listed(layer: StoredLayer): Promise<Record<string, string> | string> {
  try {
    const stream = verified(inPieces(layer.bytes), layer.descriptor);
    const { list } = await listLayer(stream, layer, { budget: new NameBudget() });
    const found: Record<string, string> = {};
    const walk = (directory: string) => {
      for (const { name, kind, mode, size, target = '' } of list(directory)) {
        const path = directory === '' ? name : `${directory}/${name}`;
        const octal = mode.toString(8);
        found[inBytes(path)] =
          kind === 'file'
            ? `file ${octal} ${size}`
            : kind === 'symlink'
              ? `symlink ${inBytes(target)}`
              : `directory ${octal}`;
        if (kind === 'directory') walk(path);
      }
    };
    walk('');
    return found;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

const withoutDigests = (tree: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(tree).map(([path, shown]) => [path, shown.replace(/^(file \d+) \w+ /, '$1 ')]),
  );

/** Which paths are names of the same file, by the first of them. */
function sameFiles<T>(paths: readonly string[], identity: (path: string) => T): Record<string, string> {
  const first = new Map<T, string>();
  return Object.fromEntries(
    [...paths].sort().map((path) => {
      const id = identity(path);
      if (!first.has(id)) first.set(id, path);
      return [path, first.get(id) as string];
    }),
  );
}

/** Expects that what stands in a directory is what the model says, in content, modes, links and hard links. */
function expectTree(root: string, tree: ReadonlyMap<string, ModelNode>): void {
  expect(treeOf(root)).toEqual(showTree(tree));
  const files = [...tree].flatMap(([path, { kind }]) => (kind === 'file' ? [path] : []));
  const inode = (path: string) =>
    lstatSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])).ino;
  expect(sameFiles(files, inode)).toEqual(sameFiles(files, (path) => tree.get(path)));
}

/** What must come of an archive; undefined for a refusal. */
export function expected(
  parts: readonly Part[],
  ending: { spoils: boolean },
  links: Mode,
): ModelLayer | undefined {
  if (ending.spoils || parts.some((part) => 'spoils' in part && part.spoils)) return undefined;
  const entries = parts.flatMap((part) => ('entry' in part ? [part.entry] : []));
  return modelLayer(entries, links);
}

/**
 * Passes a layer through an install and a list beside a canary, and compares both with the model: tree, content, modes, links,
 * whiteouts, or refusal by both with one code.
 * @param model what must come of it; undefined where it must be refused
 * @returns how many of the installs made something
 */
export async function check(
  canary: Canary,
  layer: StoredLayer,
  model: (links: Mode) => ModelLayer | undefined,
  {
    pieces,
    modes = ['reject', 'inert'],
  }: { readonly pieces?: number; readonly modes?: readonly Mode[] } = {},
): Promise<number> {
  let taken = 0;
  for (const links of modes) {
    const wanted = model(links);
    const result = await apply(canary, layer, links, pieces);
    if (wanted === undefined) {
      expect(refusals).toContain(result);
    } else {
      expect(result).toBeTypeOf('object');
      const { root, whiteouts, opaques } = result as Layer;
      expectTree(root, wanted.tree);
      expect([whiteouts.map(inBytes), opaques.map(inBytes)]).toEqual([wanted.whiteouts, wanted.opaques]);
      taken++;
    }
    if (links === 'inert') {
      const seen = await listed(layer);
      if (wanted === undefined) expect(seen).toBe(result);
      else expect(seen).toEqual(withoutDigests(showTree(wanted.tree)));
    }
  }
  return taken;
}

/** An archive of random parts, and how it is passed on. */
export const archiveArbitrary = (home: string) =>
  fc.record({
    parts: fc.array(partArbitrary(home), { maxLength: 9 }),
    ending: fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...endings.filter(({ spoils }) => !spoils)) },
      { weight: 1, arbitrary: fc.constantFrom(...endings) },
    ),
    pieces: fc.constantFrom(1, 13, 511, 512, 513, 65_536),
    members: fc.boolean(),
  });

/** A layer of an archive as it is: for many in a row, to which decompression adds nothing but time. */
export function plain(bytes: Buffer): StoredLayer {
  return { bytes, descriptor: describe(mediaTypes.layerTar, bytes), diffId: digestOf(bytes) };
}

/** A layer of an archive, of one gzip member or two. */
export const stored = (bytes: Buffer, members: boolean) =>
  layerOf(bytes, (plain) =>
    members
      ? Buffer.concat([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))])
      : gzipSync(plain, { level: 1 }),
  );

/** Expects that `ls -R` and `cat` see in an image what the model says. */
export async function expectSeen(
  images: readonly StoredLayer[],
  wanted: ReadonlyMap<string, ModelNode>,
  temporary: string,
) {
  const inputs = imageOfLayers(images);
  const files = await listFiles('', 'all', inputs);
  const shown = files.map(({ path, kind, mode, size, target = '' }) => {
    const octal = mode.toString(8);
    const text =
      kind === 'file'
        ? `file ${octal} ${size}`
        : kind === 'symlink'
          ? `symlink ${inBytes(target)}`
          : `directory ${octal}`;
    return [inBytes(path), text];
  });
  expect(Object.fromEntries(shown)).toEqual(withoutDigests(showTree(wanted)));
  const [name, node] = [...wanted].find(([, { kind }]) => kind === 'file') ?? [];
  if (name === undefined || node === undefined) return;
  const file = await openFile(decodeName(Buffer.from(name, 'latin1')), { ...inputs, temporary });
  expect(Buffer.concat([...file.pieces()]).toString('latin1')).toBe(node.content);
  file.close();
}
