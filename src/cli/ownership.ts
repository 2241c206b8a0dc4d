import { lstatSync, readdirSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { quotePosix } from '../engine/render.js';
import { EngineshedError } from '../errors/index.js';
import type { Host } from './host.js';
import { storeRoot } from './places.js';

/** Something in the store that is somebody else's. */
export interface Foreign {
  readonly path: string;
  /** Whose it is, for people: `root`, `the user 1001`. */
  readonly owner: string;
  /** What to do about it, as one sentence. */
  readonly remedy: string;
}

/** How deep the directories that commands change lie in a store: `layers/sha256/9a1b…`, `engines/train/4f0c…`. */
const depth = 3;

/**
 * The first directory of the store that this user does not own, and so cannot change; undefined where there is none. To root all are open.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function findForeign(host: Host): Foreign | undefined {
  const root = storeRoot(host);
  for (const path of directories(root, depth)) {
    const foreign = foreignAt(host, root, path);
    if (foreign !== undefined) return foreign;
  }
  return undefined;
}

/**
 * What a user does about a path for which there is no permission, as one sentence that says whose it is; undefined where it has nothing to do with
 * the store, or is this user's.
 */
export function ownerHint(host: Host, path: string): string | undefined {
  let root: string;
  try {
    root = storeRoot(host);
  } catch {
    return undefined;
  }
  const inStore = ancestors(path).filter((at) => at === root || at.startsWith(root + sep));
  const above = ancestors(root).find((at) => ownerOf(at) !== undefined);
  if (inStore.length === 0 && path !== above) return undefined;
  for (const at of [...inStore, ...(above === undefined ? [] : [above])]) {
    const foreign = foreignAt(host, root, at);
    if (foreign !== undefined) return `${foreign.path} belongs to ${foreign.owner}. ${foreign.remedy}`;
  }
  return undefined;
}

/**
 * Refuses to change the store of an ordinary user as root by sudo: what root makes there, that user cannot change. Root without sudo may, since
 * containers have the homes of other users.
 * @throws EngineshedError `FILE_PERMISSION`
 */
export function refuseSudo(host: Host): void {
  const { SUDO_UID, SUDO_USER } = host.environment;
  if (host.userId !== 0 || !SUDO_UID || SUDO_UID === '0') return;
  const root = storeRoot(host);
  const owner =
    ancestors(root)
      .map(ownerOf)
      .find((known) => known !== undefined) ?? 0;
  if (owner === 0) return;
  const name = String(owner) === SUDO_UID && SUDO_USER ? SUDO_USER : `the user ${owner}`;
  throw new EngineshedError(
    'FILE_PERMISSION',
    `The store ${root} is for ${name}, who could not change what root makes in it`,
    {
      hint: 'Run this without sudo, or with "sudo -H", which has a store of root\'s own.',
      details: { path: root },
    },
  );
}

function foreignAt({ userId }: Host, root: string, path: string): Foreign | undefined {
  const owner = ownerOf(path);
  if (owner === undefined || userId === undefined || userId === 0 || owner === userId) return undefined;
  // What root made in a user's own place was made for them; a store that root keeps elsewhere is for all.
  const taken = owner === 0 ? takenFrom(userId, root) : undefined;
  const remedy =
    taken === undefined
      ? 'Run as the user to whom it belongs, or set ENGINESHED_HOME to a directory of your own.'
      : `A command that was run with sudo does that. Take it back: sudo chown -R "$(id -u):$(id -g)" ${quotePosix(taken)}`;
  return { path, owner: owner === 0 ? 'root' : `the user ${owner}`, remedy };
}

/** The uppermost directory on the way to a path, or else the path itself, that is not the user's while what it is in is; undefined where nothing above is. */
function takenFrom(userId: number, path: string): string | undefined {
  const above = ancestors(path);
  const own = above.findIndex((at) => ownerOf(at) === userId);
  return own < 0 ? undefined : above[Math.max(0, own - 1)];
}

/** A path and all that it is in, the path first. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...ancestors(parent)];
}

/** A directory and those in it, to a depth. What cannot be read is left out. */
function* directories(path: string, levels: number): Generator<string> {
  yield path;
  if (levels === 0) return;
  let entries: string[];
  try {
    entries = readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return;
  }
  for (const entry of entries) yield* directories(`${path}/${entry}`, levels - 1);
}

function ownerOf(path: string): number | undefined {
  try {
    return lstatSync(path).uid;
  } catch {
    return undefined;
  }
}
