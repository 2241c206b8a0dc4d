import { archivesParsers } from './archives.js';
import { configurationParsers } from './configuration.js';
import { imagesParsers } from './images.js';
import { namesParsers } from './names.js';
import { networkParsers } from './network.js';
import type { FuzzedParser } from './parser.js';
import { storeParsers } from './store.js';
import { trustParsers } from './trust.js';

export type { FuzzedParser } from './parser.js';

/** Every parser of what comes from outside. */
export const parsers: readonly FuzzedParser[] = [
  ...archivesParsers,
  ...imagesParsers,
  ...networkParsers,
  ...namesParsers,
  ...configurationParsers,
  ...storeParsers,
  ...trustParsers,
];
