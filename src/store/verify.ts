import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { isEngineshedError } from '../errors/index.js';
import { checkTree, type FaultKind } from '../layer/index.js';
import type { Digest } from '../oci/index.js';
import { readStoredBytes } from './content.js';
import { entriesOf } from './directory.js';
import { type Fault, FaultList } from './faults.js';
import { type LayerRecord, readLayerRecord, readStandingLayer } from './layer.js';
import { isMarked, mark, unmark } from './mark.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import { checkProjects } from './projects.js';
import { isUninstalled, type NeededLayer, type NeededTree, readScope } from './scope.js';
import { homeLock, rootMode } from './source.js';
import { type Store, transaction, withLock } from './store.js';
import { checkLayer, type VerifyMode } from './verify-layer.js';
import { checkNames, checkState } from './verify-state.js';

/** What to verify. */
export interface VerifyOptions {
  /** An installed engine; everything in the store where none is named. */
  readonly engine?: string | undefined;
  readonly mode: VerifyMode;
  /** The operating system that environments are for, as `process.platform` names it. */
  readonly platform: string;
}

/** What a verification found. Plain data. */
export interface VerifyReport {
  readonly mode: VerifyMode;
  /** How much was looked at. `bytes` of content were read. */
  readonly checked: {
    readonly layers: number;
    readonly trees: number;
    readonly states: number;
    readonly blobs: number;
    readonly files: number;
    readonly bytes: number;
  };
  readonly faults: readonly Fault[];
  /** How many more faults there are than are listed. */
  readonly omitted: number;
  /** Layers that an early Engineshed made, which did not list their files: their content could not be checked. */
  readonly unrecorded: readonly Digest[];
}

/**
 * Compares what is installed with what was: every file of every layer, the trees made of them, states, manifests and configs. Changes
 * nothing but marks: a layer or tree that is damaged is marked as such, and its engines are refused until it is repaired or found
 * whole. Where the store can only be read nothing is marked, and a warning says so. Nothing is collected meanwhile.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `STORE_VERSION`, `FILE_IN_THE_WAY`
 */
export async function verify(store: Store, options: VerifyOptions): Promise<VerifyReport> {
  // An engine that is not there is told before anything is made.
  readScope(store.paths, options.engine);
  if (lstatSync(store.paths.root, { throwIfNoEntry: false }) === undefined)
    return new Verification(store, options, 'free').run();
  let entered = false;
  try {
    return await transaction(store, 'verify', () => {
      entered = true;
      return new Verification(store, options, 'locked').run();
    });
  } catch (error) {
    // A store that cannot be written to can still be read.
    if (entered || !isEngineshedError(error, 'FILE_PERMISSION', 'DISK_FULL')) throw error;
    return new Verification(store, options, 'free').run();
  }
}

/** Most stores have none: what reads them is not loaded then. */
async function seenFaults(paths: StorePaths): Promise<readonly FaultList[]> {
  if (entriesOf(paths.seenChannels).length === 0) return [];
  const { checkSeen } = await import('./trust-memory.js');
  return checkSeen(paths);
}

/** After so many files the progress is told. */
const filesPerReport = 200;

/** One run over what is to be verified, in a transaction of the caller's where it is `locked`. */
export class Verification {
  readonly #store: Store;
  readonly #options: VerifyOptions;
  readonly #locking: 'locked' | 'free';
  readonly #lists: FaultList[] = [];
  readonly #badLayers = new Set<Digest>();
  readonly #unrecorded: Digest[] = [];
  #files = 0;
  #bytes = 0;
  #expectedFiles = 0;
  #warned = false;

  /** @param locking `free` where nobody can take the locks of the store */
  constructor(store: Store, options: VerifyOptions, locking: 'locked' | 'free') {
    this.#store = store;
    this.#options = options;
    this.#locking = locking;
  }

  async run(): Promise<VerifyReport> {
    const { paths } = this.#store;
    const { engine, mode, platform } = this.#options;
    const { layers, trees, blobs, states } = readScope(paths, engine);
    const entries = (diffId: Digest) => this.#record(diffId)?.entries ?? 0;
    for (const diffId of layers.keys()) this.#expectedFiles += entries(diffId);
    for (const { diffIds } of trees.values())
      for (const diffId of diffIds) this.#expectedFiles += entries(diffId);
    for (const [diffId, needed] of layers)
      await this.#alone(homeLock(paths, paths.layer(diffId)), () => this.#layer(diffId, needed));
    for (const [directory, tree] of trees)
      await this.#alone(homeLock(paths, dirname(directory)), () => this.#tree(directory, tree));
    for (const [digest, engines] of blobs) this.#blob(digest, engines);
    for (const state of states)
      await this.#alone(`engine-${state.name}`, async () => {
        if (isUninstalled(paths, state)) return;
        const id = `${state.name}/${state.id}`;
        const list = this.#list('state', id, new Set([state.name]), `engines/${id}`);
        checkState(this.#store, state, platform, list);
      });
    // Nobody uninstalls an engine, or chooses one, meanwhile.
    await this.#alone('selection', async () => void this.#lists.push(...checkNames(paths, engine)));
    // A record takes the place of another in one step.
    if (engine === undefined) this.#lists.push(...checkProjects(paths), ...(await seenFaults(paths)));
    return {
      mode,
      checked: {
        layers: layers.size,
        trees: trees.size,
        states: states.length,
        blobs: blobs.size,
        files: this.#files,
        bytes: this.#bytes,
      },
      faults: this.#lists.flatMap(({ faults }) => faults),
      omitted: this.#lists.reduce((sum, { omitted }) => sum + omitted, 0),
      unrecorded: this.#unrecorded,
    };
  }

  async #alone(lock: string, work: () => Promise<void>): Promise<void> {
    if (this.#locking === 'free') await work();
    else await withLock(this.#store, lock, 'exclusive', work);
  }

  async #layer(diffId: Digest, { engines, names }: NeededLayer): Promise<void> {
    const home = this.#store.paths.layer(diffId);
    // Taken away since the store was read; nobody needs it.
    if (engines.size === 0 && lstatSync(home, { throwIfNoEntry: false }) === undefined) return;
    const list = this.#list('layer', diffId, engines, this.#place(home));
    const checked = await checkLayer(home, diffId, names, this.#options.mode, list, this.#onFile);
    const own = orNothing(() => readStandingLayer(home))?.root;
    if (own === undefined || checked.damaged.some((name) => `${home}/${name}` === own))
      this.#badLayers.add(diffId);
    if (checked.unrecorded) this.#unrecorded.push(diffId);
    for (const name of checked.damaged) this.#note(`${home}/${name}`, 'damaged');
    for (const name of checked.whole) this.#note(`${home}/${name}`, 'whole');
  }

  async #tree(directory: string, { diffIds, engines }: NeededTree): Promise<void> {
    const home = directory.slice(0, directory.lastIndexOf('/'));
    const [algorithm, hex] = home.split('/').slice(-2);
    const list = this.#list('tree', `${algorithm}:${hex}`, engines, this.#place(directory));
    const layers = diffIds.flatMap((diffId) =>
      this.#badLayers.has(diffId)
        ? []
        : (orNothing(() => readStandingLayer(this.#store.paths.layer(diffId))) ?? []),
    );
    // What is made of a damaged layer is damaged with it, and is told with it.
    const isComparable = layers.length === diffIds.length;
    if (isComparable)
      await checkTree(layers, directory, {
        rootMode,
        onFault: (fault) => list.add(fault.path, fault),
        onFile: this.#onFile,
      });
    this.#note(directory, isComparable && list.count === 0 ? 'whole' : 'damaged');
  }

  #blob(digest: Digest, engines: ReadonlySet<string>): void {
    const path = this.#store.paths.blob(digest);
    const bytes = orNothing(() => readStoredBytes(this.#store, digest));
    if (bytes !== undefined) {
      this.#onFile(bytes.byteLength);
      return;
    }
    const fault: FaultKind = lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'missing' : 'content';
    this.#list('blob', digest, engines, this.#place(path)).add('', { fault });
  }

  #note(directory: string, condition: 'whole' | 'damaged'): void {
    if (isMarked(directory) === (condition === 'damaged')) return;
    try {
      if (condition === 'damaged') mark(directory);
      else unmark(directory);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // Nothing can be run from what is not there.
      if (code === 'ENOENT' || code === 'ENOTDIR' || this.#warned) return;
      this.#warned = true;
      this.#store.report({
        type: 'warning',
        message: `The store cannot be written to (${code}): its damaged engines are not marked, and are not refused`,
      });
    }
  }

  #record(diffId: Digest): LayerRecord | undefined {
    return orNothing(() => readLayerRecord(`${this.#store.paths.layer(diffId)}/layer.json`));
  }

  #list(what: Fault['what'], id: string, engines: ReadonlySet<string>, place: string): FaultList {
    const list = new FaultList(what, id, engines, place);
    this.#lists.push(list);
    return list;
  }

  #place(path: string): string {
    return path.slice(this.#store.paths.root.length + 1);
  }

  readonly #onFile = (bytes: number): void => {
    this.#bytes += bytes;
    if (++this.#files % filesPerReport !== 0) return;
    this.#store.report({
      type: 'count',
      what: 'Files checked',
      done: this.#files,
      total: Math.max(this.#files, this.#expectedFiles),
    });
  };
}
