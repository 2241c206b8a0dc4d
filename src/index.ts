/**
 * Engineshed as a library: the pieces that the command line is made of. Nothing here reads `process`, prints or exits; what
 * that needs is handed in. Every failure is an {@link EngineshedError} with a stable code.
 *
 * @packageDocumentation
 */

export {
  type Catalog,
  type CatalogFileLocation,
  type CatalogOrigin,
  type Catalogs,
  definitionForReference,
  type EngineFamily,
  type EngineListing,
  findEngine,
  listEngines,
  loadCatalogs,
  matchTags,
  mergeCatalogs,
  parseCatalog,
} from './catalog/index.js';
export {
  type ByteStream,
  type ContentStore,
  type CopyOptions,
  type CopyResult,
  copy,
  createLayout,
  type Image,
  type Layout,
  memoryTarget,
  type OpenContent,
  openLayout,
  type ProgressEvent,
  type Reporter,
  readImage,
  type TagResolver,
  type Target,
} from './content/index.js';
export {
  type EngineDefinition,
  type EngineEnvironment,
  type EngineLock,
  type EnvironmentFormat,
  type EnvironmentRule,
  engineEnvironment,
  type LockedLayer,
  type LockedSource,
  lockId,
  type PartDefinition,
  parseEngineName,
  type ResolveOptions,
  renderEnvironment,
  resolveEngine,
  type SourceDefinition,
} from './engine/index.js';
export {
  EngineshedError,
  type ErrorCode,
  type ErrorKind,
  errorCodes,
  errorKinds,
  isEngineshedError,
} from './errors/index.js';
export { type Owner, ownerOf } from './files/index.js';
export {
  type AppliedLayer,
  type ApplyOptions,
  applyLayer,
  composeTree,
  type LayerLimits,
  type PackedLayer,
  type PackOptions,
  packDirectory,
  removeTree,
} from './layer/index.js';
export {
  type Descriptor,
  type Digest,
  digestOf,
  formatReference,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaTypes,
  nodePlatform,
  type Platform,
  parseDigest,
  parseReference,
  type Reference,
  type WantedPlatform,
} from './oci/index.js';
export {
  type Checkout,
  gitTags,
  type PackedImage,
  type PublishInputs,
  packImage,
  publish,
  readCheckout,
} from './publish/index.js';
export {
  type Credential,
  type CredentialSource,
  createRegistryClient,
  credentialSource,
  noCredentials,
  type RegistryClient,
  type RegistryClientOptions,
} from './registry/index.js';
export { useEngine } from './shim/index.js';
export {
  applyInstall,
  type InstalledEngine,
  type InstallInputs,
  type InstallPlan,
  planInstall,
  type Remembered,
  readEngine,
  readEngines,
  rememberingTarget,
  type Store,
  type StorePaths,
  storeAt,
  storePaths,
  type UninstallResult,
  uninstall,
} from './store/index.js';
