export {
  publishDirectory,
  replaceFile,
  replaceLink,
  syncDirectory,
  uniqueSuffix,
  writeNewFile,
} from './atomic.js';
export { acquireLock, type Lock, type LockMode, type LockOptions } from './lock.js';
export { isAlive, leaseMilliseconds, type Owner, ownedName, ownerOf, parseOwnedName } from './owner.js';
