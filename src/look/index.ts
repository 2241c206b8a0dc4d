export { type OpenedFile, type OpenFileInputs, openFile } from './file.js';
export { type ImageFile, listFiles } from './files.js';
export { globTest } from './glob.js';
export { readLayers } from './image.js';
export {
  type InspectedArtifact,
  type InspectedImage,
  type InspectedIndex,
  type Inspection,
  type InspectOptions,
  inspectImage,
} from './inspect.js';
export { compareSums, type FileChange, type FileSums, sumDirectory, sumImage } from './sums.js';
export { type ListedTag, listTags, type TagOptions, type TagOrder } from './tags.js';
export type { TreeInputs } from './tree.js';
