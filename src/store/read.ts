/** The part of the store that the fast commands load: reading what is installed, nothing else. */
export { type Links, linkedId, linksOf } from './linked.js';
export { refuseDamaged } from './mark.js';
export { currentTarget, type StorePaths, storePaths } from './paths.js';
export {
  type InstalledEngine,
  readCurrent,
  readEngine,
  readEngines,
} from './record.js';
export { noteUse } from './use.js';
export { checkStoreVersion } from './version.js';
