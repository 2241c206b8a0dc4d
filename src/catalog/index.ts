export { overridableSources } from '../engine/index.js';
export { definitionForReference, referenceCatalog } from './ad-hoc.js';
export { readComponent } from './component.js';
export { engineLineage, findEngine, imagesOf, listEngines, matchTags } from './find.js';
export { engineFollowing, enginesFrom, policyEngines } from './followers.js';
export { builtinCatalog, type CatalogFileLocation, loadCatalogs, readCatalog } from './load.js';
export { type MergeOptions, mergeCatalogs } from './merge.js';
export { overrideSource } from './override.js';
export { parseCatalog } from './parse.js';
export { fillPattern, matchPattern, membersOf } from './pattern.js';
export { pinnedEngine } from './pinned.js';
export type {
  Catalog,
  CatalogOrigin,
  Catalogs,
  EngineFamily,
  EngineListing,
  ProjectPin,
  ReleaseChannel,
  ReleaseSettings,
  SourceOverride,
} from './types.js';
