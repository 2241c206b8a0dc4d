export { Contents, refuse, type StoredManifest, sha256 } from './protocol.js';
export {
  type RecordedRequest,
  type Script,
  ScriptedRegistry,
  type ScriptedRegistryOptions,
} from './registry.js';
export { startTokenService, type TokenService, type TokenServiceOptions } from './token.js';
