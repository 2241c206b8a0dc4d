export { type Checkout, readCheckout } from './checkout.js';
export { type PackedImage, type PublishInputs, packImage, publish } from './publish.js';
export { gitTags } from './tags.js';
