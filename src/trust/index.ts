export {
  type AttachSigned,
  imageSignatureType,
  type ParsePublicKey,
  type ReadSigned,
  type RefusedBundle,
  type SignedReading,
  type SignedStatement,
  type SigningInputs,
  type SigningKey,
  type TrustedKey,
} from './types.js';
