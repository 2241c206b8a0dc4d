export {
  publishDirectory,
  replaceFile,
  replaceLink,
  syncDirectory,
  uniqueSuffix,
  writeNewFile,
} from './atomic.js';
export { replaceFileBeside } from './beside.js';
export { makeDurableDirectories } from './directory.js';
export { acquireLock, type Lock, lockOwners, sweepLock } from './lock.js';
export { isAlive, type Owner, ownedName, ownerOf, parseOwnedName, sameOwner } from './owner.js';
export { followPointer, makePointer, pointerAt, readPointer } from './pointer.js';
export { onWindows } from './system.js';
