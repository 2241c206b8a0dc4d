import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/layer/index.js';
import { digestOf } from '../../src/oci/index.js';

/** Things beside the root of a tree that must stay as they are, whatever is done to the tree. */
export interface Canary {
  /** The directory that everything is in; `secret`, `neighbour/file`, `open/` and others are there. */
  readonly home: string;
  /** A new empty directory in {@link Canary.home}, in which everything may happen; the one before is removed. */
  newRoot(): Promise<string>;
  /** What is wrong: names that are new or gone, or things that changed; and open files below it. Empty if all is well. */
  faults(): string[];
}

/** Plants a canary tree: files, links, hard links, a directory that everybody may write to, all with old times. */
export function plantCanary(home: string): Canary {
  const at = (name: string) => join(home, name);
  mkdirSync(at('neighbour/deep/er'), { recursive: true });
  mkdirSync(at('open'));
  writeFileSync(at('secret'), 'secret', { mode: 0o600 });
  writeFileSync(at('neighbour/file'), 'neighbour');
  writeFileSync(at('neighbour/deep/er/run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(at('open/file'), 'open');
  linkSync(at('secret'), at('neighbour/other-name'));
  symlinkSync('secret', at('link'));
  symlinkSync('neighbour', at('directory-link'));
  symlinkSync('nowhere', at('dangling'));
  chmodSync(at('open'), 0o777);
  chmodSync(at('open/file'), 0o666);
  for (const name of ['secret', 'neighbour/file', 'neighbour/deep/er', 'neighbour', 'open/file', 'open'])
    utimesSync(at(name), 1_000_000_000, 1_000_000_000);
  let roots = 0;
  let root = '';
  const before = snapshot(home, root);
  return {
    home,
    async newRoot() {
      if (root !== '') await removeTree(at(root));
      root = `root-${roots++}`;
      mkdirSync(at(root));
      return at(root);
    },
    faults() {
      const after = snapshot(home, root);
      const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
        (name) => before[name] !== after[name],
      );
      return [...changed.map((name) => `${name}: ${before[name]} -> ${after[name]}`), ...openFiles(home)];
    },
  };
}

/** Everything below a directory but its root; of the directory itself, in which roots come and go, only the mode. */
function snapshot(home: string, root: string): Record<string, string> {
  const found: Record<string, string> = { '.': String(lstatSync(home).mode) };
  const walk = (directory: string, prefix: string) => {
    for (const name of readdirSync(directory)) {
      if (prefix === '' && name === root) continue;
      const path = join(directory, name);
      const { ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
      const kind = mode & 0o170000n;
      const content =
        kind === 0o120000n ? readlinkSync(path) : kind === 0o100000n ? digestOf(readFileSync(path)) : '';
      found[prefix + name] = [ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs, content].join(' ');
      if (kind === 0o040000n) walk(path, `${prefix}${name}/`);
    }
  };
  walk(home, '');
  return found;
}

/** Files below a directory that this process has open, where the system tells. */
function openFiles(home: string): string[] {
  let descriptors: string[];
  try {
    descriptors = readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
  return descriptors.flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(home) ? [`${path} is still open`] : [];
    } catch {
      return [];
    }
  });
}
