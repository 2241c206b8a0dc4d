import { readdirSync } from 'node:fs';
import { formatNamedEngine, parseNamedEngine } from '../engine/names.js';
import { acquireLock, type Lock, lockOwners } from '../files/index.js';
import { orNothing } from './or-nothing.js';
import type { Store } from './store.js';

/** One resolved state of an engine. */
export interface StateName {
  readonly name: string;
  readonly id: string;
}

const prefix = 'state-';

/**
 * Claims a state that no name leads to: it is not collected until the claim is released, or this process is dead.
 * @throws NodeJS.ErrnoException
 */
export async function claimState(store: Store, state: StateName): Promise<Lock | undefined> {
  return acquireLock(store.paths.lock(`${prefix}${formatNamedEngine(state)}`), 'shared', store.owner);
}

/** The states that living processes claim. */
export function claimedStates({ paths, now }: Pick<Store, 'paths' | 'now'>): StateName[] {
  const names = orNothing(() => readdirSync(paths.locks)) ?? [];
  return names.flatMap((lock) => {
    const state = lock.startsWith(prefix)
      ? orNothing(() => parseNamedEngine(lock.slice(prefix.length)))
      : undefined;
    const isHeld = state?.id !== undefined && lockOwners(paths.lock(lock), () => now().getTime()).length > 0;
    return isHeld && state?.id !== undefined ? [{ name: state.name, id: state.id }] : [];
  });
}
