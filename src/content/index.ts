export { type Image, isManifestOrIndex, readImage, readManifest } from './image.js';
export { memoryTarget } from './memory.js';
export type {
  ByteStream,
  ContentStore,
  FetchOptions,
  OpenContent,
  ProgressEvent,
  Reporter,
  TagResolver,
  Target,
} from './types.js';
export { checkBytes, readAll, verified } from './verify.js';
