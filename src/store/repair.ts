import { lstatSync } from 'node:fs';
import { readAll, type Target } from '../content/index.js';
import type { EngineLock } from '../engine/index.js';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { type Digest, maxConfigBytes } from '../oci/index.js';
import { collect } from './collect.js';
import { keepContent, type Remembered, readStoredBytes } from './content.js';
import { FaultList } from './faults.js';
import { installContent } from './install.js';
import { planInstall } from './plan.js';
import { damagedProjectHint } from './projects.js';
import { isUninstalled, type ReadState, readScope } from './scope.js';
import { renewState } from './state.js';
import { ifUnlocked, type Store, type Transaction, transaction, withLock } from './store.js';
import { Verification, type VerifyOptions, type VerifyReport, verify } from './verify.js';
import { checkState, systemOf } from './verify-state.js';

/** What a repair needs beside what is to be verified. */
export interface RepairInputs extends VerifyOptions {
  /** The place that a source of a lock came from. */
  readonly content: (lock: EngineLock, source: string) => Pick<Target, 'fetch' | 'resolve'>;
}

/** What could not be repaired. */
export interface Problem {
  /** Empty for what no engine needs. */
  readonly engine: string;
  readonly message: string;
  readonly hint?: string;
}

/** What a repair did. Plain data. */
export interface RepairReport {
  /** What was found before. */
  readonly found: VerifyReport;
  /** The diffIDs of the layers that were fetched again. */
  readonly layers: readonly Digest[];
  /** How many directories were put together again from layers. */
  readonly trees: number;
  /** The states that were made again, `NAME/ID`. */
  readonly states: readonly string[];
  /** Manifests and configs that were fetched again. */
  readonly blobs: readonly Digest[];
  /** The diffIDs of damaged layers that no engine needs, and that were removed. */
  readonly removed: readonly Digest[];
  readonly problems: readonly Problem[];
  /** What is found now. */
  readonly after: VerifyReport;
}

/**
 * Verifies, and makes what is damaged anew: layers, manifests and configs from where they came from, by digest; trees from layers;
 * states from their locks. What cannot be repaired keeps nothing else from being so. Everything is made aside and verified as an
 * install does, and takes the place of what is damaged in one step.
 * @throws EngineshedError as `verify` does, `FILE_PERMISSION`, `DISK_FULL` where nothing can be written at all
 */
export async function repair(store: Store, inputs: RepairInputs): Promise<RepairReport> {
  // An engine that is not there is told before anything is made.
  readScope(store.paths, inputs.engine);
  const { found, repairing } = await transaction(store, 'verify --repair', async (running) => {
    const found = await new Verification(store, inputs, 'locked').run();
    const repairing = new Repair(store, running, inputs, found);
    await repairing.run();
    return { found, repairing };
  });
  await repairing.removeUnneeded();
  const { layers, trees, states, blobs, removed, problems, isIdle } = repairing;
  const after = isIdle ? found : await verify(store, inputs);
  return { found, layers, trees, states, blobs, removed, problems, after };
}

class Repair {
  readonly #store: Store;
  readonly #running: Transaction;
  readonly #inputs: RepairInputs;
  readonly #found: VerifyReport;
  /** Layers that say nothing of their files. */
  readonly #renew: Set<Digest>;
  readonly layers: Digest[] = [];
  trees = 0;
  readonly states: string[] = [];
  readonly blobs: Digest[] = [];
  readonly removed: Digest[] = [];
  readonly problems: Problem[] = [];

  constructor(store: Store, running: Transaction, inputs: RepairInputs, found: VerifyReport) {
    this.#store = store;
    this.#running = running;
    this.#inputs = inputs;
    this.#found = found;
    this.#renew = new Set(found.unrecorded);
  }

  /** Whether nothing was done. */
  get isIdle(): boolean {
    const done = [this.layers, this.states, this.blobs, this.removed];
    return this.trees === 0 && done.every(({ length }) => length === 0);
  }

  async run(): Promise<void> {
    if (this.#found.faults.length === 0 && this.#renew.size === 0) return;
    const { states } = readScope(this.#store.paths, this.#inputs.engine);
    for (const state of states) await this.#attempt(state.name, () => this.#state(state));
    for (const { what, id, engines, path } of this.#found.faults) {
      if (what === 'project')
        this.problems.push({
          engine: '',
          message: `Which project ${path} stands for is not known`,
          hint: damagedProjectHint,
        });
      if (what === 'channel')
        this.problems.push({
          engine: '',
          message: `What ${path} has seen of a channel is not known`,
          hint: 'Look where the channel leads, and accept that: engineshed trust accept ENGINE',
        });
      if (what !== 'name') continue;
      const [engine = ''] = engines;
      const hint = engine === '' ? 'Choose an engine with: engineshed use NAME' : installHint(engine);
      this.problems.push({ engine: engine || id, message: `What ${path} should lead to is not known`, hint });
    }
  }

  async #state(state: ReadState): Promise<void> {
    const { lock } = state;
    if (isUninstalled(this.#store.paths, state)) return;
    if (lock === undefined) {
      throw new EngineshedError(
        'STORE_CORRUPT',
        `The state ${state.name}/${state.id} has lost its lock.json`,
        {
          hint: installHint(state.name),
        },
      );
    }
    const store = this.#store;
    const content = (source: string) => this.#inputs.content(lock, source);
    const plan = planInstall(store, lock, 'always', this.#renew);
    await installContent(store, this.#running, plan, content, this.#renew);
    for (const { diffId } of plan.fetch) {
      this.layers.push(diffId);
      this.#renew.delete(diffId);
    }
    this.trees += plan.compose.length;
    await this.#attempt(state.name, () => this.#blobs(lock));
    await withLock(store, `engine-${state.name}`, 'exclusive', async () => {
      if (isUninstalled(store.paths, state)) return;
      const faults = new FaultList('state', state.id, new Set(), '');
      checkState(store, state, this.#inputs.platform, faults);
      if (faults.count === 0) return;
      renewState(store, this.#running, lock, systemOf(lock, this.#inputs.platform));
      this.states.push(`${state.name}/${state.id}`);
    });
  }

  async #blobs(lock: EngineLock): Promise<void> {
    const remembered: Remembered = new Map();
    for (const [name, source] of Object.entries(lock.sources)) {
      if (source.kind === 'directory') continue;
      const target = this.#inputs.content(lock, name);
      for (const known of [source.manifest, source.config, { digest: source.resolved }]) {
        const { digest } = known;
        if (remembered.has(digest) || readStoredBytes(this.#store, digest) !== undefined) continue;
        const descriptor = 'size' in known ? known : await target.resolve(digest);
        const bytes = await readAll(await target.fetch(descriptor), descriptor, maxConfigBytes);
        remembered.set(digest, bytes);
      }
    }
    keepContent(this.#store, this.#running, remembered);
    this.blobs.push(...remembered.keys());
  }

  /**
   * Removes damaged layers that no engine needs: nobody can say where they came from. To be called outside of the transaction, so that
   * nothing is taken from an install under way.
   */
  async removeUnneeded(): Promise<void> {
    const damaged = this.#found.faults.filter(
      ({ what, engines }) => what === 'layer' && engines.length === 0,
    );
    const diffIds = [...new Set(damaged.map(({ id }) => id as Digest))];
    if (diffIds.length === 0) return;
    await this.#attempt('', () => ifUnlocked(this.#store, 'store', () => collect(this.#store, 'all')));
    const standing = (diffId: Digest) =>
      lstatSync(this.#store.paths.layer(diffId), { throwIfNoEntry: false }) !== undefined;
    this.removed.push(...diffIds.filter((diffId) => !standing(diffId)));
    const left = diffIds.filter(standing);
    if (left.length === 0 || this.problems.some(({ engine }) => engine === '')) return;
    this.problems.push({
      engine: '',
      message: `${left.length} damaged layers that no engine needs are still there, because another process changes the store`,
      hint: 'Remove them later with: engineshed gc',
    });
  }

  async #attempt(engine: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const { code, message, hint } = fromSystemError(thrown);
      if (code === 'INTERNAL') throw thrown;
      this.problems.push({ engine, message, ...(hint === undefined ? {} : { hint }) });
    }
  }
}

function installHint(name: string): string {
  return `Install it again with: engineshed install ${name}`;
}
