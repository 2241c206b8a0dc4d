export { type ArchiveKind, openArchive, type WriteArchiveOptions, writeArchive } from './archive/index.js';
export { findClosure } from './closure.js';
export {
  type Copied,
  type CopyAllOptions,
  type CopyOptions,
  type CopyResult,
  copy,
  copyAll,
  counted,
  shortDigest,
} from './copy.js';
export { createdOf } from './created.js';
export {
  type Image,
  readAllImages,
  readConfig,
  readImage,
  readImageManifest,
  readManifest,
} from './image.js';
export { createLayout, openLayout } from './layout.js';
export type { Layout } from './layout-target.js';
export { mapLimited } from './limit.js';
export { memoryTarget } from './memory.js';
export { resolveReference } from './resolve.js';
export { streamOf } from './stream.js';
export type {
  Beginning,
  ByteStream,
  ContentStore,
  FetchOptions,
  ListOptions,
  OpenContent,
  ProgressEvent,
  PushOptions,
  ReferrerSource,
  Reporter,
  RepositoryName,
  TagRemover,
  TagResolver,
  Target,
} from './types.js';
export { checkBytes, readAll, verified } from './verify.js';
