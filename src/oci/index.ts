export { annotationKeys, formatTime, parseTime } from './annotations.js';
export { type ArtifactParts, buildArtifact, emptyContent } from './artifact.js';
export { buildIndex } from './build-index.js';
export {
  chainId,
  createDigester,
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  parseDigest,
} from './digest.js';
export { branchTag, pullRequestTag, type TaggedFeature, taggedFeature } from './feature-tag.js';
export { canonicalJson, parseJson } from './json.js';
export {
  type BuiltManifest,
  buildImage,
  check,
  type Descriptor,
  describe,
  descriptorSchema,
  type ImageConfig,
  type Index,
  imageLayers,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
  type ParsedManifest,
  type Platform,
  parseConfig,
  parseLayoutIndex,
  parseManifest,
  successors,
} from './manifest.js';
export {
  type Compression,
  isDockerSchema1,
  isImageConfig,
  isIndexType,
  isManifestType,
  isMediaType,
  layerCompression,
  manifestAccept,
  mediaTypes,
} from './media-types.js';
export {
  choosePlatform,
  formatPlatform,
  imagesOf,
  nodePlatform,
  nodeSystem,
  parsePlatform,
  type WantedPlatform,
} from './platform.js';
export {
  formatReference,
  isLoopback,
  type LayoutReference,
  namesPath,
  namesRegistry,
  type PathReference,
  parseReference,
  parseRegistry,
  parseTag,
  type Reference,
  type RegistryReference,
  wantedOf,
  withoutDefaultPort,
} from './reference.js';
export {
  isReferrersTag,
  maxReferrers,
  parseReferrers,
  type Referral,
  referralOf,
  referrerFilter,
  referrersTag,
} from './referrers.js';
