export { type Remembered, rememberingTarget } from './content.js';
export { inTheWay, isNoLink } from './directory.js';
export { applyInstall, type InstallInputs, type InstallResult } from './install.js';
export { offlineTarget, refuseFetching, refuseUnknown } from './offline.js';
export { type InstallPlan, type PlannedLayer, type PlannedTree, planInstall } from './plan.js';
export * from './read.js';
export { type Store, storeAt, type Transaction, transaction, withLock } from './store.js';
export { type UninstallResult, uninstall, type WhenActive } from './uninstall.js';
