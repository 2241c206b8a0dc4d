export { recall, remember } from './cache.js';
export type { StateName } from './claims.js';
export type { CollectionPlan, KeptGenerations } from './collect.js';
export { allCommands } from './commands.js';
export { type Remembered, rememberingTarget } from './content.js';
export { inTheWay, isNoLink } from './directory.js';
export type { Fault } from './faults.js';
export { type GcPlan, gc, planGc, type Retention } from './gc.js';
export { type Generation, type History, readHistory, type Selections } from './history.js';
export { applyInstall, type InstallInputs, type InstallResult } from './install.js';
export { readLinks } from './links.js';
export { installedLock, readEngineLock, steadily } from './lock-file.js';
export { offlineTarget, refuseFetching, refuseLookingForNewer, refuseUnknown } from './offline.js';
export { type InstallPlan, type Naming, type PlannedLayer, type PlannedTree, planInstall } from './plan.js';
export { isRemembered, missingMs, rememberProject } from './projects.js';
export * from './read.js';
export { baseOf, linkSource, type Relinked, unlinkSource } from './relink.js';
export { type Problem, type RepairInputs, type RepairReport, repair } from './repair.js';
export { planRollback, type RollbackPlan, rollback } from './rollback.js';
export { planShims } from './shims.js';
export { withSources } from './sources.js';
export {
  asOneChange,
  type Store,
  storeAt,
  sweepStore,
  type Transaction,
  transaction,
  withLock,
} from './store.js';
export { beginTrial } from './trial.js';
export { type UninstallResult, uninstall, type WhenUsed } from './uninstall.js';
export { type VerifyOptions, type VerifyReport, verify } from './verify.js';
export type { VerifyMode } from './verify-layer.js';
