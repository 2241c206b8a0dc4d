export { findSelection } from './active.js';
export { useEngine, useFirstEngine } from './selection.js';
