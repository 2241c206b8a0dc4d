export {
  type Candidate,
  findSelection,
} from './active.js';
export {
  findPin,
  lockFile,
  type Pin,
  readLockHead,
  refusePlanted,
} from './project.js';
export { useEngine, useFirstEngine } from './selection.js';
