export { type Checkout, publicAddress, readCheckout } from './checkout.js';
export { type PackedImage, type PublishInputs, packImage, publish } from './publish.js';
export { checkoutVersion, gitTags } from './tags.js';
