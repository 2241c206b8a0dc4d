export { applyLayer } from './apply.js';
export { type ComposableLayer, type ComposeOptions, composeTree } from './compose.js';
export type { LayerLimits } from './limits.js';
export type { ExternalLinks } from './links.js';
export { type PackedLayer, type PackOptions, packDirectory } from './pack.js';
export { removeTree } from './remove.js';
export type { AppliedLayer, ApplyOptions } from './unpack.js';
