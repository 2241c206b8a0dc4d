export { checkNeeds, mergeNeeds, type Need, type Outcome } from './check.js';
export { advice, type Machine, packageManagerOf } from './packages.js';
export {
  formatRequirements,
  packageNameGrammar,
  parseRequirements,
  requirementNameGrammar,
  requirementsSchema,
  requiresAnnotation,
} from './schema.js';
export { knownTools } from './tools.js';
export type { Requirement } from './types.js';
