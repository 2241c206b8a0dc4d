import { onWindows } from '../files/system.js';
import { type Digest, digestAlgorithm, digestHex, digestOf } from '../oci/digest.js';

/** What the name of a shim has behind that of its command. */
export const shimExtension = onWindows ? '.cmd' : '';

/** The version of the layout below. It changes with every change that a reader of the documented part could notice. */
export const storeVersion = 1;

/**
 * Every path of the store. `docs/on-disk-contract.md` says which of them programs in other languages may rely on.
 *
 * ```text
 * STORE/
 *   store.json                        {"version":1}
 *   current -> engines/train/active   the active engine; `use` replaces this link
 *   engines/train/active -> 4f0c…     what the name stands for; `install` replaces this link
 *   engines/train/4f0c…/              one resolved state of the engine; never changed
 *     engine.json                     name, sources by digest, parts, environment
 *     lock.json                       what it was made from, with the rules of the environment
 *     .lock-sum                       the digest of lock.json
 *     env                             the environment for a POSIX shell
 *     bin/hamlet -> /…/hamlet         a command; only where the engine has some
 *     .commands                       what shims need to know of the state; only where the engine has commands
 *     parts/core-engine -> /…/engine
 *     sources/engine -> /…/engine
 *   engines/train/links/4f0c… -> ../99e2…   the state that stands in for one on this machine, as long as there are links
 *   layers/sha256/9a1b…/              one layer, by diffID; never changed
 *     layer.json                      what a layer says beside its files: whiteouts
 *     .inventory                      what of its files was written, one JSON array per line
 *     .damaged-engine                 says that `verify` found `engine/` damaged
 *     engine/                         its files, read-only, under the name of the source that it was fetched for
 *   trees/sha256/77c0…/engine-core/   several layers as one tree, by chain ID, hard links into layers/
 *   blobs/sha256/03de…                manifests and configs
 *   history/12.json                   what the names stood for from some time on; `history/position` says which one it is at
 *   seen/5ab1…-77e0….json             what was last seen of a channel that a policy asks proof of, by channel and keys; nothing
 *                                     lower is taken afterwards; 5ab1….json where it was written before each policy had its own
 *   signed/sha256/9a1b…               statements about an image whose signatures were verified, by the digest that they are about
 *   shims/hamlet                      runs that command of the selected engine; for the PATH
 *   projects/0f3a….json               the lock of a project that needs a state, which `gc` then keeps
 *   locks/layer-9a1b…/                claims of the processes that want a lock
 *   partial/sha256-9a1b….03de…        what has arrived of a layer whose download is under way or was interrupted, by diffID and
 *                                     blob; unverified
 *   cache/5feceb66…                  what makes commands faster, such as the tags of a repository; may be deleted at any time
 *   reserve/7                         4 KiB of nothing: room on a full disk for `gc` and `uninstall`, which give it back first
 *   staging/812-99120-…/              what a running process is making; swept when its owner is dead
 * ```
 */
export interface StorePaths {
  readonly root: string;
  readonly version: string;
  readonly current: string;
  readonly engines: string;
  readonly layers: string;
  readonly trees: string;
  readonly blobs: string;
  readonly history: string;
  /** The directory of what was seen of channels. */
  readonly seenChannels: string;
  /** The directory of statements about images. */
  readonly signedImages: string;
  /** The directory of the shims, one for each command of an installed engine. */
  readonly shims: string;
  readonly projects: string;
  readonly locks: string;
  /** The directory of what has arrived of layers. */
  readonly partial: string;
  /** The directory of what is remembered, see `recall`. */
  readonly cache: string;
  /** The directory of the room that is kept for `gc`. */
  readonly reserve: string;
  readonly staging: string;
  /** The directory of everything under one engine name. */
  engine(name: string): string;
  /** The link to the state that an engine name stands for. */
  engineActive(name: string): string;
  /** A file whose time of change is that of the last use of an engine. */
  engineUsed(name: string): string;
  /** One resolved state of an engine. */
  engineState(name: string, id: string): string;
  /** The directory of what stands in for states of an engine. */
  engineLinks(name: string): string;
  /** The link to the state that stands in for another. */
  engineLink(name: string, id: string): string;
  /** The directory of a layer, by diffID. */
  layer(diffId: Digest): string;
  /** The directory of a tree, by chain ID. */
  tree(chainId: Digest): string;
  /** The file of a manifest or config. */
  blob(digest: Digest): string;
  /** What was last seen of a channel, by its place, its tag, and the `id` of the policies that it counts for. */
  seen(place: string, tag: string, policy: string): string;
  /** The statements about an image. */
  signed(digest: Digest): string;
  /** The shim of a command. */
  shim(command: string): string;
  /** The record of a project, by the absolute path of its lock. */
  project(lock: string): string;
  /** The directory of a lock's claims. */
  lock(name: string): string;
}

/** The paths of the store at `root`, an absolute directory. */
export function storePaths(root: string): StorePaths {
  const byDigest = (kind: string, digest: Digest) =>
    `${root}/${kind}/${digestAlgorithm(digest)}/${digestHex(digest)}`;
  return {
    root,
    version: `${root}/store.json`,
    current: `${root}/current`,
    engines: `${root}/engines`,
    layers: `${root}/layers`,
    trees: `${root}/trees`,
    blobs: `${root}/blobs`,
    history: `${root}/history`,
    seenChannels: `${root}/seen`,
    signedImages: `${root}/signed`,
    shims: `${root}/shims`,
    projects: `${root}/projects`,
    locks: `${root}/locks`,
    partial: `${root}/partial`,
    cache: `${root}/cache`,
    reserve: `${root}/reserve`,
    staging: `${root}/staging`,
    engine: (name) => `${root}/engines/${name}`,
    engineActive: (name) => `${root}/engines/${name}/active`,
    engineUsed: (name) => `${root}/engines/${name}/used`,
    engineState: (name, id) => `${root}/engines/${name}/${id}`,
    engineLinks: (name) => `${root}/engines/${name}/links`,
    engineLink: (name, id) => `${root}/engines/${name}/links/${id}`,
    layer: (diffId) => byDigest('layers', diffId),
    tree: (chainId) => byDigest('trees', chainId),
    blob: (digest) => byDigest('blobs', digest),
    seen: (place, tag, policy) =>
      `${root}/seen/${digestHex(digestOf(`${place}:${tag}`)).slice(0, 32)}-${policy.slice(0, 32)}.json`,
    signed: (digest) => byDigest('signed', digest),
    shim: (command) => `${root}/shims/${command}${shimExtension}`,
    project: (lock) => `${root}/projects/${digestHex(digestOf(lock)).slice(0, 16)}.json`,
    lock: (name) => `${root}/locks/${name}`,
  };
}

/** The target of the `current` link for an engine, relative to the store, so that a moved store still leads right. */
export function currentTarget(name: string): string {
  return `engines/${name}/active`;
}
