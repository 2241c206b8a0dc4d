export { engineEnvironment } from './environment.js';
export { lockId } from './lock.js';
export { isVariableName, parseEngineName } from './names.js';
export { type EnvironmentFormat, environmentFormats, renderEnvironment } from './render.js';
export { type ImageSource, type ResolveOptions, resolveEngine } from './resolve.js';
export type {
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
