export {
  type ContentChange,
  compareEngines,
  type EngineComparison,
  noEngine,
  type SourceChange,
  type SourceVersion,
  shortVersion,
  versionOf,
} from './compare.js';
export {
  engineArtifactType,
  type ReadEngine,
  readExportedEngines,
  refuseDirectories,
  type WriteEngineOptions,
  writeEngine,
} from './engine-image.js';
export { engineEnvironment, pathInside } from './environment.js';
export { isSameSource, lockDifferences } from './fit.js';
export { lockId } from './lock.js';
export { type LockOptions, lockEngine } from './lock-all.js';
export { parseLock } from './lock-schema.js';
export { atDigests, lockForPlatform } from './locked.js';
export {
  commandFault,
  formatNamedEngine,
  isStateId,
  isVariableName,
  parseEngineName,
  parseNamedEngine,
} from './names.js';
export { formatProjectLock, maxLockBytes, parseProjectLock } from './project-lock.js';
export { type EnvironmentFormat, environmentFormats, quotePosix, renderEnvironment } from './render.js';
export { findComponent, overridableSources, replaceComponent } from './replace.js';
export { type ImageSource, type ResolveOptions, resolveEngine } from './resolve.js';
export { isRevision, sourceSite } from './source-site.js';
export type {
  CommandDefinition,
  EngineDefinition,
  EngineEnvironment,
  EngineKind,
  EngineLock,
  EnvironmentRule,
  LinkedState,
  LockedImage,
  LockedImageSource,
  LockedLayer,
  LockedSource,
  PartDefinition,
  SourceDefinition,
} from './types.js';
