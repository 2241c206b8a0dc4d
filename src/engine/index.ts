export {
  engineArtifactType,
  type ReadEngine,
  readExportedEngines,
  refuseDirectories,
  type WriteEngineOptions,
  writeEngine,
} from './engine-image.js';
export { engineEnvironment, pathInside } from './environment.js';
export { lockId } from './lock.js';
export { parseLock } from './lock-schema.js';
export {
  commandFault,
  formatNamedEngine,
  isStateId,
  isVariableName,
  type NamedEngine,
  parseEngineName,
  parseNamedEngine,
} from './names.js';
export { type EnvironmentFormat, environmentFormats, quotePosix, renderEnvironment } from './render.js';
export { overridableSources, replaceComponent } from './replace.js';
export { type ImageSource, type ResolveOptions, resolveEngine } from './resolve.js';
export { type TopLine, topLine } from './top-line.js';
export type {
  CommandDefinition,
  EngineDefinition,
  EngineEnvironment,
  EngineKind,
  EngineLock,
  EnvironmentRule,
  LockedLayer,
  LockedSource,
  PartDefinition,
  SourceDefinition,
} from './types.js';
