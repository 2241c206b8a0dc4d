import type { EngineLock } from '../engine/index.js';
import { lockId } from '../engine/index.js';
import type { Lock } from '../files/index.js';
import { claimState, type StateName } from './claims.js';
import { dropState } from './collect.js';
import { keepContent } from './content.js';
import { type InstallInputs, installContent, refuseUnadmitted } from './install.js';
import { planInstall } from './plan.js';
import type { InstalledEngine } from './record.js';
import { intactState, renewState } from './state.js';
import { type Store, transaction, withLock } from './store.js';

/** A state of an engine that no name leads to, for as long as somebody tries it. */
export interface Trial {
  readonly engine: InstalledEngine;
  /** Takes the state away, unless something else needs it by now; what was fetched for it stays for `gc`. */
  end(): Promise<void>;
}

/**
 * Makes a state of an engine for this process only: what its name stands for, the history and the active engine stay as they are.
 * Nothing of it is collected until it ends, or this process is dead; then it is `gc`'s.
 * @throws EngineshedError as `applyInstall` does
 */
export async function beginTrial(store: Store, lock: EngineLock, inputs: InstallInputs): Promise<Trial> {
  const state = { name: lock.name, id: lockId(lock) };
  refuseUnadmitted(lock, inputs.admission);
  return transaction(store, `try ${lock.name}`, async (running) => {
    await installContent(store, running, planInstall(store, lock), inputs.content);
    keepContent(store, running, inputs.remembered);
    return withLock(store, `engine-${lock.name}`, 'exclusive', async () => {
      const claim = await claimState(store, state);
      try {
        const engine = intactState(store, lock) ?? renewState(store, running, lock, inputs);
        return { engine, end: () => endTrial(store, state, claim) };
      } catch (error) {
        claim?.release();
        throw error;
      }
    });
  });
}

async function endTrial(store: Store, state: StateName, claim: Lock | undefined): Promise<void> {
  claim?.release();
  // Not begun by another process meanwhile: who makes a state has the lock of its engine, and claims it before.
  await transaction(store, `try ${state.name}`, () =>
    withLock(store, `engine-${state.name}`, 'exclusive', () => dropState(store, state)),
  );
}
