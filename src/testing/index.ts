export { type Answer, refuse, send } from './answer.js';
export { basicAuthentication, bearerAuthentication } from './authentication.js';
export { Contents, type StoredManifest, type StoredRepository } from './contents.js';
export { type Algorithm, sha256 } from './digest.js';
export {
  captivePortal,
  endlessPages,
  failWith,
  foreignLocations,
  loopingPages,
  lyingDigest,
  otherETag,
  redirectBlobs,
  wrongContent,
  wrongRange,
} from './faults/answers.js';
export { cutBody, cutUpload, drip, noAnswer } from './faults/connection.js';
export { ignoreRange, noHead, noMount, noReferrers } from './faults/features.js';
export { dropUploads, loseUploads } from './faults/uploads.js';
export { ScriptedRegistry, type ScriptedRegistryOptions } from './registry.js';
export type { RecordedRequest, RequestKind } from './request.js';
export type { Occasion, Proper, Script } from './script.js';
export {
  startTokenService,
  type TokenRequest,
  type TokenService,
  type TokenServiceOptions,
} from './token.js';
