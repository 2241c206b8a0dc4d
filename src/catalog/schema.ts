import * as v from 'valibot';
import { commandFault, isVariableName, nameFault } from '../engine/names.js';
import { didYouMean } from '../errors/index.js';
import { packageNameGrammar, requirementNameGrammar } from '../requirements/index.js';

/** A TOML table with these keys and no others. A wrong key is told with the nearest right one. */
function table<const E extends v.ObjectEntries>(entries: E) {
  return v.pipe(
    plainTable(`. Its keys are: ${Object.keys(entries).join(', ')}.`),
    v.strictObject(entries, (issue) => {
      if (issue.expected !== 'never') return `the key ${issue.expected} is missing`;
      const known = Object.keys(entries);
      const suggestion = didYouMean(String(issue.input), known) ?? `The keys here are: ${known.join(', ')}.`;
      return `is not a key that is known here. ${suggestion}`;
    }),
  );
}

/** A TOML table whose keys are names that the file chooses. */
function tableOf<const K extends v.GenericSchema<string, string>, const V extends v.GenericSchema>(
  key: K,
  value: V,
) {
  return v.pipe(plainTable(''), v.record(key, value));
}

/**
 * smol-toml gives a table no prototype, which tells it from an array and a date.
 * @param keys what the message says of the keys that a table would have
 */
function plainTable(keys: string) {
  return v.custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null,
    (issue) => `must be a table, not ${describeValue(issue.input)}${keys}`,
  );
}

const text = v.pipe(
  v.string((issue) => `must be a text in quotes, not ${describeValue(issue.input)}`),
  v.check((value) => !/[\u0000-\u001f\u007f]/.test(value), 'must not have control characters'),
);
const filledText = v.pipe(text, v.nonEmpty('must not be empty'));
const flag = v.boolean((issue) => `must be true or false, not ${describeValue(issue.input)}`);
const name = v.pipe(
  v.string((issue) => `must be a name in quotes, not ${describeValue(issue.input)}`),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? nameFault(dataset.value) : undefined;
    if (fault !== undefined) addIssue({ message: `cannot be a name: ${fault}` });
  }),
);
const variable = v.pipe(
  v.string(),
  v.check(isVariableName, 'cannot name an environment variable: use letters, digits and "_", no digit first'),
);
const path = v.pipe(
  text,
  v.check((value) => !value.includes('\\'), 'must be written with "/"'),
  v.check((value) => !value.startsWith('/') && !/^[A-Za-z]:/.test(value), 'must be relative'),
  v.check((value) => !value.split('/').includes('..'), 'must not have ".."'),
  v.transform(
    (value) =>
      value
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/') || '.',
  ),
);
const value = v.pipe(
  v.string((issue) => `must be a text in quotes, not ${describeValue(issue.input)}`),
  v.check((content) => !content.includes('\0'), 'must not have a NUL character'),
);

/** A text or a table. Not a union, so that a fault is told of the one that was written. */
function textOr<const S extends v.GenericSchema, const T extends v.GenericSchema>(whenText: S, whenTable: T) {
  return v.lazy((input): S | T | typeof neitherTextNorTable => {
    if (typeof input === 'string') return whenText;
    return typeof input === 'object' ? whenTable : neitherTextNorTable;
  });
}

const neitherTextNorTable = v.custom<never>(
  () => false,
  (issue) => `must be a text in quotes or a table, not ${describeValue(issue.input)}`,
);

/** Lets exactly one of `keys` stand in a table. It tells of them, for the schema that editors read is made of this one. */
function oneOf<T extends object>(keys: readonly (keyof T & string)[]) {
  const check = v.check<T, string>(
    (entry) => keys.filter((key) => entry[key] !== undefined).length === 1,
    `must have exactly one of ${keys.join(', ')}`,
  );
  return { ...check, keys };
}

const platformPaths = table({
  linux: v.exactOptional(path),
  darwin: v.exactOptional(path),
  win32: v.exactOptional(path),
  freebsd: v.exactOptional(path),
  openbsd: v.exactOptional(path),
  sunos: v.exactOptional(path),
  aix: v.exactOptional(path),
  android: v.exactOptional(path),
});

const source = v.pipe(
  table({
    image: v.optional(filledText),
    layout: v.optional(filledText),
    directory: v.optional(filledText),
  }),
  oneOf(['image', 'layout', 'directory']),
);

/** What takes the place of a source of the pinned engine. */
const override = v.pipe(
  table({
    image: v.optional(filledText),
    layout: v.optional(filledText),
    directory: v.optional(filledText),
    tag: v.optional(filledText),
    digest: v.optional(filledText),
  }),
  v.check(
    ({ image, layout, directory, tag, digest }) =>
      [image, layout, directory, tag ?? digest].filter((entry) => entry !== undefined).length === 1,
    'must have exactly one of image, layout, directory, or else a tag or a digest',
  ),
);

const part = table({ source: name, path: v.optional(path, '.'), versions: v.optional(filledText) });

const ruleTable = v.pipe(
  table({
    value: v.optional(value),
    part: v.optional(name),
    path: v.optional(textOr(path, platformPaths)),
    parts: v.optional(v.pipe(v.array(name, 'must be a list of part types'), v.nonEmpty('must not be empty'))),
    separator: v.optional(v.pipe(value, v.nonEmpty('must not be empty'))),
    'has-part': v.optional(name),
    yes: v.optional(value),
    no: v.optional(value),
  }),
  oneOf(['value', 'part', 'parts', 'has-part']),
  v.check((rule) => (rule.path === undefined ? true : rule.part !== undefined), 'has "path" without "part"'),
  v.check(
    (rule) => (rule.parts === undefined) === (rule.separator === undefined),
    'needs both "parts" and "separator"',
  ),
  v.check(
    (rule) => new Set([rule['has-part'], rule.yes, rule.no].map((entry) => entry === undefined)).size === 1,
    'needs all of "has-part", "yes" and "no"',
  ),
);
const rule = textOr(value, ruleTable);

const commandName = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? commandFault(dataset.value) : undefined;
    if (fault !== undefined) addIssue({ message: `cannot be the name of a command: ${fault}` });
  }),
);
const command = table({ part: name, path: textOr(path, platformPaths) });

const commands = v.pipe(
  tableOf(commandName, command),
  v.check(
    (entries) =>
      new Set(Object.keys(entries).map((key) => key.toLowerCase())).size === Object.keys(entries).length,
    'has two commands whose names differ in upper and lower case only',
  ),
);
/** What a tool or a check is called. */
const requirementName = v.pipe(
  v.string(),
  v.regex(requirementNameGrammar, 'cannot be required: write the name of a program'),
);
const packageName = v.pipe(filledText, v.regex(packageNameGrammar, 'cannot be the name of a package'));
const requirementTable = table({
  version: v.exactOptional(filledText),
  'version-command': v.exactOptional(
    v.pipe(
      v.array(filledText, 'must be a list: the program and its arguments'),
      v.nonEmpty('must not be empty'),
      v.check(
        ([program = '']) => requirementNameGrammar.test(program),
        'must begin with the name of a program, which is looked for on the PATH',
      ),
    ),
  ),
  check: v.exactOptional(path),
  part: v.exactOptional(name),
  packages: v.exactOptional(
    table({
      apt: v.exactOptional(packageName),
      apk: v.exactOptional(packageName),
      dnf: v.exactOptional(packageName),
      zypper: v.exactOptional(packageName),
      pacman: v.exactOptional(packageName),
      brew: v.exactOptional(packageName),
      winget: v.exactOptional(packageName),
    }),
  ),
  hint: v.exactOptional(filledText),
});
const requires = tableOf(requirementName, textOr(filledText, requirementTable));

const parts = tableOf(name, part);
const environment = tableOf(variable, rule);

const engine = v.pipe(
  table({
    extends: v.optional(filledText),
    description: v.optional(text),
    kind: v.optional(v.picklist(['channel', 'custom'], 'must be "channel" or "custom"')),
    sources: v.optional(
      v.pipe(
        tableOf(name, source),
        v.check((sources) => Object.keys(sources).length > 0, 'must have at least one source'),
      ),
    ),
    parts: v.optional(textOr(name, parts)),
    environment: v.optional(textOr(name, environment)),
    commands: v.optional(textOr(name, commands)),
    requires: v.optional(textOr(name, requires)),
  }),
  v.check(
    ({ extends: base, sources }) => base !== undefined || sources !== undefined,
    'needs the key "sources", or "extends" with the name of another engine',
  ),
);

const mirror = table({
  location: filledText,
  insecure: v.optional(flag),
  'pull-from-mirror': v.optional(
    v.picklist(['all', 'digest-only', 'tag-only'], 'must be "all", "digest-only" or "tag-only"'),
  ),
});

/** A registry as containers-registries.conf(5) has it. */
const registry = table({
  prefix: v.optional(filledText),
  location: v.optional(filledText),
  insecure: v.optional(flag),
  blocked: v.optional(flag),
  'mirror-by-digest-only': v.optional(flag),
  mirror: v.optional(v.array(mirror, 'must be tables: write [[registry.mirror]]')),
});

/** A whole number between two, in words that tell what of. */
function count(what: string, least: number, most: number) {
  return v.pipe(
    v.number((issue) => `must be a number${what}, not ${describeValue(issue.input)}`),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
}

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
const trust = v.pipe(
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

const release = v.pipe(
  table({
    engine: name,
    image: v.optional(filledText),
    layout: v.optional(filledText),
    channels: v.optional(tableOf(name, channel)),
    test: v.optional(v.array(releaseTest, 'must be tables: write [[release.test]]')),
  }),
  oneOf(['image', 'layout']),
);

/** The file format of a catalog, of the built-in one as of a user's and a project's. */
export const catalogSchema = table({
  default: v.optional(name),
  images: v.optional(filledText),
  'install-missing': v.optional(flag),
  parts: v.optional(tableOf(name, parts)),
  environments: v.optional(tableOf(name, environment)),
  commands: v.optional(tableOf(name, commands)),
  requirements: v.optional(tableOf(name, requires)),
  engines: v.optional(tableOf(v.string(), engine)),
  engine: v.optional(name),
  overrides: v.optional(tableOf(name, override)),
  release: v.optional(release),
  trust: v.optional(tableOf(name, trust)),
  registry: v.optional(
    v.array(
      registry,
      'must be tables: write [[registry]]. The place that images without a host are relative to is called "images"',
    ),
  ),
});

/** The file format of what a component says of itself. */
export const componentSchema = table({ requires: v.optional(requires) });

/** A catalog file, checked key by key. */
export type CatalogFile = v.InferOutput<typeof catalogSchema>;
/** A source in a catalog file. */
export type SourceFile = v.InferOutput<typeof source>;
/** What takes the place of a source, in a catalog file. */
export type OverrideFile = v.InferOutput<typeof override>;
/** A table of parts in a catalog file. */
export type PartsFile = v.InferOutput<typeof parts>;
/** A table of environment rules in a catalog file. */
export type EnvironmentFile = v.InferOutput<typeof environment>;
/** A table of commands in a catalog file. */
export type CommandsFile = v.InferOutput<typeof commands>;
/** A table of requirements in a catalog file, or in a component's. */
export type RequiresFile = v.InferOutput<typeof requires>;
/** How an engine is released, in a catalog file. */
export type ReleaseFile = v.InferOutput<typeof release>;
/** Whose signatures images must have, in a catalog file. */
export type TrustFile = v.InferOutput<typeof trust>;
/** An engine in a catalog file. */
export type EngineFile = v.InferOutput<typeof engine>;

function describeValue(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return input instanceof Date ? 'a date' : 'a table';
  return typeof input === 'boolean' || typeof input === 'number' ? String(input) : `a ${typeof input}`;
}
