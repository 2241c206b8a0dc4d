export { Contents, type StoredManifest, sha256 } from './contents.js';
export { refuse } from './refuse.js';
export {
  type RecordedRequest,
  type Script,
  ScriptedRegistry,
  type ScriptedRegistryOptions,
} from './registry.js';
export { startTokenService, type TokenService, type TokenServiceOptions } from './token.js';
