export { type RegistriesConfOptions, readRegistriesConf } from './conf.js';
export { type Place, type Places, placesOf } from './places.js';
export { type MirrorRule, mergeRules, type PullFromMirror, type RegistryRule } from './rule.js';
export { readRule } from './table.js';
