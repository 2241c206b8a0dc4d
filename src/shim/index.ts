export {
  type Candidate,
  candidates,
  findSelection,
  notInstalledBecause,
  type Selection,
  type SelectionInputs,
  type Selector,
  selectionOf,
} from './active.js';
export {
  findPin,
  lockFile,
  type Pin,
  type ProjectSearch,
  projectFile,
  projectFiles,
  readLockHead,
  refusePlanted,
} from './project.js';
export { useEngine, useFirstEngine } from './selection.js';
