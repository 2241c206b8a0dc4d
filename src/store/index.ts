export { type Remembered, rememberingTarget } from './content.js';
export { applyInstall, type InstallInputs } from './install.js';
export { type InstallPlan, type PlannedLayer, type PlannedTree, planInstall } from './plan.js';
export * from './read.js';
export { type Store, storeAt, transaction, withLock } from './store.js';
export { type UninstallResult, uninstall, type WhenActive } from './uninstall.js';
