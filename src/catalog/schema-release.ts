import * as v from 'valibot';
import {
  count,
  describeValue,
  filledText,
  flag,
  name,
  oneOf,
  table,
  tableOf,
  value,
} from './schema-terms.js';

const channel = table({
  tag: filledText,
  versions: v.optional(filledText),
  'valid-days': v.optional(count(' of days', 1, 3650)),
});

/** A name with `*` for any characters. */
const wildcard = v.pipe(
  filledText,
  v.regex(
    /^[A-Za-z0-9*][A-Za-z0-9._*:[\]/-]*$/,
    'must be a name without tag or digest, with * for any characters',
  ),
);
const wildcards = v.pipe(
  v.array(wildcard, (issue) => `must be a list of names in quotes, not ${describeValue(issue.input)}`),
  v.nonEmpty('must not be empty'),
);

/** Whose signatures images must have. */
export const trust = v.pipe(
  table({
    engines: v.optional(wildcards),
    images: v.optional(wildcards),
    keys: v.pipe(
      v.array(
        v.pipe(value, v.nonEmpty('must not be empty')),
        (issue) => `must be a list of files or of keys in PEM, not ${describeValue(issue.input)}`,
      ),
      v.nonEmpty('must not be empty'),
      v.maxLength(100, 'must not have more than 100 keys'),
    ),
    threshold: v.optional(count('', 1, 100)),
    channel: v.optional(flag),
  }),
  v.check(
    ({ engines, images }) => engines !== undefined || images !== undefined,
    'needs the key "engines" or "images": what the policy is for',
  ),
);

const releaseTest = table({
  name: filledText,
  command: v.pipe(
    v.array(value, 'must be a list of texts: the program and its arguments'),
    v.nonEmpty('must not be empty'),
  ),
  'timeout-seconds': v.optional(count(' of seconds', 1, 86_400)),
  alone: v.optional(flag),
});

/** How an engine is released. */
export const release = v.pipe(
  table({
    engine: name,
    image: v.optional(filledText),
    layout: v.optional(filledText),
    channels: v.optional(tableOf(name, channel)),
    test: v.optional(v.array(releaseTest, 'must be tables: write [[release.test]]')),
  }),
  oneOf(['image', 'layout']),
);
