export { openArchive } from './open.js';
export { type ArchiveKind, type WriteArchiveOptions, writeArchive } from './write.js';
