export { type Admission, type AdmissionRequest, admit, type Candidate } from './admission.js';
export { attachSigned } from './attach.js';
export {
  type ChannelStep,
  channelType,
  formatChannelStep,
  type MoveReason,
  maxStep,
  maxStepTags,
  parseChannelStep,
} from './channel-step.js';
export { keysOf } from './evidence.js';
export {
  type ImageSignature,
  signImage,
  type VerifiedSigners,
  verifyImage,
  type WantedSigners,
} from './image.js';
export { readPrivateKeyFile } from './key-file.js';
export { type PolicySubject, policiesFor, type TrustPolicy } from './policy.js';
export { describePolicy, isEnough, type ReadPolicy, readPolicyKeys, viewOf } from './policy-keys.js';
export { generateKeyPair, type KeyPair, parsePrivateKey } from './private-key.js';
export { parsePublicKey } from './public-key.js';
export { readClaimed, readSigned } from './read.js';
export { placeName, repositoryName } from './repository.js';
export { formatStatement, parseStatement, type StatementContent, statementType } from './statement.js';
export {
  imageSignatureType,
  type RefusedBundle,
  type SignedReading,
  type SignedStatement,
  type SigningInputs,
  type SigningKey,
  type TrustedKey,
  type UnreadBundles,
} from './types.js';
