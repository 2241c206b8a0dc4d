export { activeSelection, findSelection, type Selection, selectionVariables } from './active.js';
export { checkComplete, useEngine, useFirstEngine } from './selection.js';
