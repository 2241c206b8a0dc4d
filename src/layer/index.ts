export { encodeName, foldName, showName } from '../tar/names.js';
export { type ApplyOptions, applyLayer } from './apply.js';
export type { FaultKind, TreeFault } from './check.js';
export { checkFiles } from './check-files.js';
export { checkTree } from './check-tree.js';
export { type ComposableLayer, type ComposeOptions, composeTree } from './compose.js';
export type { LayerLimits } from './limits.js';
export type { ExternalLinks } from './links.js';
export { listLayer } from './list.js';
export type { WrittenCompression } from './members.js';
export { NameBudget } from './name-budget.js';
export { Overlay, type OverlayLayer, type Winner } from './overlay.js';
export {
  type PackedContent,
  type PackedLayer,
  type PackOptions,
  packComponents,
  packDirectory,
} from './pack.js';
export type { RecordedEntry } from './recording.js';
export { removeTree } from './remove.js';
export { ContentDigests, ContentSums, type FileDigests, fileSum, linkSum } from './summing.js';
export type { LayerEntry, WantedFile } from './tree-memory.js';
export type { AppliedLayer } from './unpack.js';
