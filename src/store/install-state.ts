import { lstatSync } from 'node:fs';
import type { EngineLock } from '../engine/index.js';
import { replaceLink } from '../files/index.js';
import { inTheWay, isNoLink } from './directory.js';
import type { Naming } from './plan.js';
import type { InstalledEngine } from './record.js';
import { keepLinks } from './relink.js';
import { intactState, renewState, type StateInputs } from './state.js';
import type { Store, Transaction } from './store.js';

/**
 * Makes a resolved state, all of whose sources stand complete, where there is none, or a damaged one, and lets the engine's name
 * stand for it as the naming says; for the linked one beside it where the engine has links. The caller has the engine's lock.
 * @throws EngineshedError as `renewState` and `keepLinks` do, `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export function installState(
  store: Store,
  { staging }: Transaction,
  { lock, naming }: { readonly lock: EngineLock; readonly naming: Naming },
  inputs: StateInputs,
): InstalledEngine {
  const { paths } = store;
  const installed = intactState(store, lock) ?? renewState(store, { staging }, lock, inputs);
  const engine = keepLinks(store, { staging }, installed, inputs);
  const active = paths.engineActive(lock.name);
  if (isNoLink(active)) throw inTheWay(active, 'is not a link');
  const stands = lstatSync(active, { throwIfNoEntry: false }) !== undefined;
  if (naming === 'always' || !stands) replaceLink(active, engine.id, staging);
  return engine;
}
