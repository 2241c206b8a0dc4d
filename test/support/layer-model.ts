import { digestOf } from '../../src/oci/index.js';

/** An entry of an archive. Names, targets and content are bytes as latin1. */
export interface ModelEntry {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly name: string;
  /** Of a link. */
  readonly target: string;
  /** Of a file. */
  readonly content: string;
  readonly mode: number;
}

/** What stands at a path. Two paths with the very same node are hard links. */
export interface ModelNode {
  readonly kind: 'file' | 'directory' | 'symlink';
  mode: number;
  readonly content: string;
  readonly target: string;
  /** Of a directory, whether an entry told of it. */
  stated: boolean;
}

/** A layer as it must stand on disk, paths to nodes, and what it hides of lower ones. */
export interface ModelLayer {
  readonly tree: ReadonlyMap<string, ModelNode>;
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
}

/**
 * What docs/decisions/0006 and 0007 and the image specification say of an archive's entries, written once more in the simplest
 * way: undefined where the layer must be refused.
 */
export function modelLayer(
  entries: readonly ModelEntry[],
  externalLinks: 'reject' | 'inert',
): ModelLayer | undefined {
  const tree = new Map<string, ModelNode>();
  const whiteouts = new Set<string>();
  const opaques = new Set<string>();
  let rootStated = false;
  const makeParents = (path: string): boolean =>
    ancestors(path).every((above) => {
      const node = tree.get(above) ?? newNode('directory', { mode: 0o555 });
      tree.set(above, node);
      return node.kind === 'directory';
    });
  for (const entry of entries) {
    const path = normalName(entry.name);
    if (path === undefined) return undefined;
    const kind = entry.kind === 'file' && entry.name.endsWith('/') ? 'directory' : entry.kind;
    if (kind === 'directory' && entry.content !== '') return undefined;
    const parts = path.split('/');
    if (parts.slice(0, -1).some((part) => part.startsWith('.wh.'))) return undefined;
    const last = parts.at(-1) ?? '';
    if (last.startsWith('.wh.')) {
      const hidden = last.slice(4);
      const isOpaque = last === '.wh..wh..opq';
      if (kind !== 'file' || entry.content !== '') return undefined;
      if (!isOpaque && (['', '.', '..'].includes(hidden) || hidden.startsWith('.wh.'))) return undefined;
      const into = isOpaque ? opaques : whiteouts;
      const of = [...parts.slice(0, -1), ...(isOpaque ? [] : [hidden])].join('/');
      if (into.has(of)) return undefined;
      into.add(of);
      continue;
    }
    if (path === '') {
      if (kind !== 'directory' || rootStated) return undefined;
      rootStated = true;
      continue;
    }
    const there = tree.get(path);
    if (kind === 'directory') {
      const mode = (entry.mode & 0o555) | 0o500;
      if (there === undefined) {
        if (!makeParents(path)) return undefined;
        tree.set(path, newNode('directory', { mode, stated: true }));
      } else {
        if (there.kind !== 'directory' || there.stated) return undefined;
        there.stated = true;
        there.mode = mode;
      }
      continue;
    }
    if (there !== undefined) return undefined;
    if (kind === 'symlink') {
      if (!isTargetText(entry.target)) return undefined;
      if (!makeParents(path)) return undefined;
      tree.set(path, newNode('symlink', { target: entry.target }));
    } else if (kind === 'hardlink') {
      const target = normalName(entry.target);
      const node = target === undefined ? undefined : tree.get(target);
      if (node?.kind !== 'file' || !makeParents(path)) return undefined;
      tree.set(path, node);
    } else {
      if (!makeParents(path)) return undefined;
      tree.set(path, newNode('file', { mode: (entry.mode & 0o555) | 0o400, content: entry.content }));
    }
  }
  if (externalLinks === 'reject' && hasEscape(tree)) return undefined;
  return { tree, whiteouts: [...whiteouts], opaques: [...opaques] };
}

/** Applies layers one after the other, lowest first; undefined where a link of the result leads out and may not. */
export function modelImage(
  layers: readonly ModelLayer[],
  externalLinks: 'reject' | 'inert',
): ReadonlyMap<string, ModelNode> | undefined {
  const image = new Map<string, ModelNode>();
  const remove = (isGone: (path: string) => boolean) => {
    for (const path of [...image.keys()]) if (isGone(path)) image.delete(path);
  };
  for (const { tree, whiteouts, opaques } of layers) {
    for (const hidden of whiteouts) remove((path) => path === hidden || path.startsWith(`${hidden}/`));
    for (const opaque of opaques) remove((path) => opaque === '' || path.startsWith(`${opaque}/`));
    for (const [path, node] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (node.kind !== 'directory' || image.get(path)?.kind !== 'directory')
        remove((other) => other === path || other.startsWith(`${path}/`));
      image.set(path, node);
    }
  }
  return externalLinks === 'reject' && hasEscape(image) ? undefined : image;
}

/** In the form of `treeOf`. */
export function showTree(tree: ReadonlyMap<string, ModelNode>): Record<string, string> {
  const shown = [...tree].map(([path, { kind, mode, content, target }]) => {
    const octal = mode.toString(8);
    if (kind === 'directory') return [path, `directory ${octal}`];
    if (kind === 'symlink') return [path, `symlink ${target}`];
    const bytes = Buffer.from(content, 'latin1');
    return [path, `file ${octal} ${digestOf(bytes).slice(7, 23)} ${bytes.length}`];
  });
  return Object.fromEntries(shown.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)));
}

function newNode(kind: ModelNode['kind'], fields: Partial<ModelNode>): ModelNode {
  return { kind, mode: 0, content: '', target: '', stated: false, ...fields };
}

function ancestors(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

/** The path that a name stands for; undefined for one that is refused. */
function normalName(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const path = parts.join('/');
  const refused =
    name === '' ||
    name.startsWith('/') ||
    hasForbiddenCharacter(name) ||
    [name, path].some((text) => /^[A-Za-z]:/.test(text)) ||
    parts.includes('..') ||
    parts.some((part) => part.length > 255) ||
    name.length > 4096 ||
    parts.length > 256;
  return refused ? undefined : path;
}

function isTargetText(target: string): boolean {
  return target !== '' && target.length < 4096 && !hasForbiddenCharacter(target);
}

/** Control characters, those of U+0080 to U+009F in UTF-8 too, and backslashes. */
function hasForbiddenCharacter(text: string): boolean {
  return /[\x00-\x1f\x7f\\]|\xc2[\x80-\x9f]/.test(text);
}

/** Whether any link leads out of the root, directly or through others. Forty links are followed, as Linux does. */
function hasEscape(tree: ReadonlyMap<string, ModelNode>): boolean {
  const isAbsolute = (target: string) => /^\/|^[A-Za-z]:/.test(target);
  const escapes = (path: string): boolean => {
    const rest = [...path.split('/')];
    const at: string[] = [];
    for (let links = 0; rest.length > 0; ) {
      const part = rest.shift() as string;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined) return true;
        continue;
      }
      at.push(part);
      const node = tree.get(at.join('/'));
      if (node?.kind !== 'symlink') continue;
      if (isAbsolute(node.target)) return true;
      if (++links > 41) return false;
      at.pop();
      rest.unshift(...node.target.split('/'));
    }
    return false;
  };
  return [...tree].some(
    ([path, { kind, target }]) => kind === 'symlink' && (leavesByText(path, target) || escapes(path)),
  );
}

function leavesByText(path: string, target: string): boolean {
  let depth = path.split('/').length - 1;
  return target.split('/').some((part) => {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    return depth < 0;
  });
}
