import * as v from 'valibot';
import { isVariableName, nameFault } from '../engine/names.js';
import { didYouMean } from '../errors/index.js';

/** A TOML table with these keys and no others. A wrong key is told with the nearest right one. */
export function table<const E extends v.ObjectEntries>(entries: E) {
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
export function tableOf<const K extends v.GenericSchema<string, string>, const V extends v.GenericSchema>(
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

/** A text without control characters. */
export const text = v.pipe(
  v.string((issue) => `must be a text in quotes, not ${describeValue(issue.input)}`),
  v.check((value) => !/[\u0000-\u001f\u007f]/.test(value), 'must not have control characters'),
);
/** The same, not empty. */
export const filledText = v.pipe(text, v.nonEmpty('must not be empty'));
/** True or false. */
export const flag = v.boolean((issue) => `must be true or false, not ${describeValue(issue.input)}`);
/** A name of an engine, a source, a part or another thing of the file. */
export const name = v.pipe(
  v.string((issue) => `must be a name in quotes, not ${describeValue(issue.input)}`),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? nameFault(dataset.value) : undefined;
    if (fault !== undefined) addIssue({ message: `cannot be a name: ${fault}` });
  }),
);
/** The name of an environment variable. */
export const variable = v.pipe(
  v.string(),
  v.check(isVariableName, 'cannot name an environment variable: use letters, digits and "_", no digit first'),
);
/** A relative path inside a source, written with `/`. */
export const path = v.pipe(
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
/** A text that may have anything but a NUL. */
export const value = v.pipe(
  v.string((issue) => `must be a text in quotes, not ${describeValue(issue.input)}`),
  v.check((content) => !content.includes('\0'), 'must not have a NUL character'),
);

/** A text or a table. Not a union, so that a fault is told of the one that was written. */
export function textOr<const S extends v.GenericSchema, const T extends v.GenericSchema>(
  whenText: S,
  whenTable: T,
) {
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
export function oneOf<T extends object>(keys: readonly (keyof T & string)[]) {
  const check = v.check<T, string>(
    (entry) => keys.filter((key) => entry[key] !== undefined).length === 1,
    `must have exactly one of ${keys.join(', ')}`,
  );
  return { ...check, keys };
}

/** A path for each platform. */
export const platformPaths = table({
  linux: v.exactOptional(path),
  darwin: v.exactOptional(path),
  win32: v.exactOptional(path),
  freebsd: v.exactOptional(path),
  openbsd: v.exactOptional(path),
  sunos: v.exactOptional(path),
  aix: v.exactOptional(path),
  android: v.exactOptional(path),
});

/** A whole number between two, in words that tell what of. */
export function count(what: string, least: number, most: number) {
  return v.pipe(
    v.number((issue) => `must be a number${what}, not ${describeValue(issue.input)}`),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
}

/** What a value is, for messages: `a list`, `nothing`, `a number`. */
export function describeValue(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return input instanceof Date ? 'a date' : 'a table';
  return typeof input === 'boolean' || typeof input === 'number' ? String(input) : `a ${typeof input}`;
}
