export { type Attached, type AttachedFile, type AttachInputs, attach, planAttach } from './attach.js';
export { type Checkout, type CheckoutReader, readCheckout } from './checkout.js';
export {
  type IndexInputs,
  type IndexSource,
  type PublishedIndex,
  planIndex,
  publishIndex,
} from './image-index.js';
export { type Feature, featureOf, type Pipeline, readPipeline } from './pipeline.js';
export {
  type FeatureTag,
  type KeptBecause,
  type KeptTag,
  type PruneOptions,
  type PruneRules,
  type Pruning,
  planPrune,
  prune,
} from './prune.js';
export { type PackedImage, type PublishInputs, packImage, publish, statedPlatform } from './publish.js';
export { withStage } from './stage.js';
export { featureTag, gitTags, refuseReleaseTags } from './tags.js';
export { withTemporaryDirectory } from './temporary.js';
