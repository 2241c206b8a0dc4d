export { type AttachedFile, attach } from './attach.js';
export { type Checkout, type CheckoutReader, readCheckout } from './checkout.js';
export { type PackedImage, type PublishInputs, packImage, publish } from './publish.js';
export { withStage } from './stage.js';
export { gitTags } from './tags.js';
