import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** What a path of a tree is: `directory`, `link TARGET`, or `file r-x DIGEST`. */
export type Tree = Record<string, string>;

/**
 * Reads a tree for comparison: every path with its content, link target, and whether it may be read and executed. Write
 * permission is left out, since the store's files are read-only.
 */
export function readTree(directory: string): Tree {
  const tree: Tree = {};
  const visit = (path: string) => {
    for (const entry of readdirSync(join(directory, path), { withFileTypes: true })) {
      const at = path === '' ? entry.name : `${path}/${entry.name}`;
      const full = join(directory, at);
      if (entry.isSymbolicLink()) tree[at] = `link ${readlinkSync(full)}`;
      else if (entry.isDirectory()) {
        tree[at] = `directory ${permissions(full)}`;
        visit(at);
      } else {
        const digest = createHash('sha256').update(readFileSync(full)).digest('hex').slice(0, 16);
        tree[at] = `file ${permissions(full)} ${digest}`;
      }
    }
  };
  visit('');
  return tree;
}

function permissions(path: string): string {
  return (statSync(path).mode & 0o555).toString(8);
}

/** Makes a tree with what repositories have: scripts, links, empty directories, long and non-ASCII names, an empty file. */
export function makeComponent(directory: string): void {
  const write = (path: string, content: string | Buffer, mode = 0o644) => {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), content);
    chmodSync(join(directory, path), mode);
  };
  write('README.md', '# a component\n');
  write('bin/run.sh', '#!/bin/sh\necho "$@"\n', 0o755);
  write('empty', '');
  write('templates/ünïcödé/文件.ftl', 'content');
  write(`deep/${'directory-with-a-rather-long-name/'.repeat(6)}${'file-'.repeat(30)}.txt`, 'long');
  write('data.bin', Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at) & 0xff)));
  mkdirSync(join(directory, 'empty-directory'));
  symlinkSync('bin/run.sh', join(directory, 'run'));
  symlinkSync('../templates', join(directory, 'deep/up'));
}
