import type { Reporter } from '../content/index.js';
import { ownerOf } from '../files/index.js';
import { type Store, storeAt } from '../store/index.js';
import type { Host } from './host.js';
import { storeRoot } from './places.js';

/** The store that this run uses. */
export function openStore(host: Host, report: Reporter): Store {
  return storeAt(storeRoot(host), ownerOf(host.pid), report);
}
