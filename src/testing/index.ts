export { type Answer, refuse, send } from './answer.js';
export { Contents, type StoredManifest, type StoredRepository } from './contents.js';
export { type Algorithm, sha256 } from './digest.js';
export {
  type Script,
  ScriptedRegistry,
  type ScriptedRegistryOptions,
} from './registry.js';
export type { RecordedRequest, RequestKind } from './request.js';
export { startTokenService, type TokenService, type TokenServiceOptions } from './token.js';
