export {
  type Candidate,
  candidates,
  findSelection,
  notInstalledBecause,
  selectionOf,
} from './active.js';
export {
  findPin,
  lockFile,
  type Pin,
  projectFile,
  projectFiles,
  readLockHead,
  refusePlanted,
} from './project.js';
export { useEngine, useFirstEngine } from './selection.js';
