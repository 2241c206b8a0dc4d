export { attachSigned } from './attach.js';
export {
  enoughSigners,
  type ImageSignature,
  signImage,
  verifyImage,
  type WantedSigners,
} from './image.js';
export { readPrivateKeyFile } from './key-file.js';
export { generateKeyPair, type KeyPair, parsePrivateKey } from './private-key.js';
export { parsePublicKey } from './public-key.js';
export { readSigned } from './read.js';
export { formatStatement, parseStatement, type StatementContent, statementType } from './statement.js';
export {
  imageSignatureType,
  type RefusedBundle,
  type SignedReading,
  type SignedStatement,
  type SigningInputs,
  type SigningKey,
  type TrustedKey,
} from './types.js';
