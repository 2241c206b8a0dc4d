import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import {
  type Digest,
  descriptorSchema,
  formatPlatform,
  isDigest,
  parseJson,
  parsePlatform,
  parseReference,
} from '../oci/index.js';
import { requirementsSchema } from '../requirements/index.js';
import {
  commandFault,
  isVariableName,
  mayComeFromElsewhere,
  mayCommandComeFromElsewhere,
  nameFault,
} from './names.js';
import type { EngineLock } from './types.js';

/** The most sources, parts and rules that an engine may have, each. */
const maxMembers = 1000;

const name = v.pipe(
  v.string(),
  v.check((text) => nameFault(text) === undefined, 'is no name'),
);
const plainText = v.pipe(
  v.string(),
  v.maxLength(4096),
  v.check((text) => !/[\u0000-\u001f\u007f]/.test(text), 'has control characters'),
);
const path = v.pipe(
  plainText,
  v.check(
    (text) => text === '.' || text.split('/').every((part) => !['', '.', '..'].includes(part)),
    'is no relative path',
  ),
  v.check((text) => !text.includes('\\') && !/^[A-Za-z]:/.test(text), 'is no path with "/"'),
);
const value = v.pipe(
  v.string(),
  v.check((text) => !text.includes('\0'), 'has a NUL'),
);
const variable = v.pipe(
  v.string(),
  v.check(isVariableName, 'is no name of a variable'),
  v.check(
    mayComeFromElsewhere,
    ({ input }) => `an engine from elsewhere may not set ${input}, which other programs obey`,
  ),
);
const digest = v.custom<Digest>((text) => typeof text === 'string' && isDigest(text), 'is no digest');
const reference = v.pipe(plainText, v.check(isReference, 'is no reference'));

const imageEntries = {
  manifest: descriptorSchema,
  platform: v.exactOptional(v.pipe(v.string(), v.check(isPlatform, 'is no platform'))),
  config: descriptorSchema,
  layers: v.pipe(
    v.array(v.strictObject({ descriptor: descriptorSchema, diffId: digest })),
    v.maxLength(maxMembers),
  ),
  annotations: v.record(v.string(), v.string()),
};

const image = v.looseObject({
  kind: v.picklist(['image', 'layout']),
  reference,
  resolved: digest,
  ...imageEntries,
  images: v.exactOptional(
    v.pipe(v.array(v.strictObject(imageEntries)), v.nonEmpty(), v.maxLength(maxMembers)),
  ),
});
const directory = v.strictObject({ kind: v.literal('directory'), path: plainText });
const source = v.lazy((input) => (isDirectory(input) ? directory : image));
const rule = v.variant('kind', [
  v.strictObject({ name: variable, kind: v.literal('value'), value }),
  v.strictObject({
    name: variable,
    kind: v.literal('part'),
    part: name,
    path: v.optional(v.union([path, v.record(name, path)])),
  }),
  v.strictObject({
    name: variable,
    kind: v.literal('parts'),
    parts: v.pipe(v.array(name), v.maxLength(maxMembers)),
    separator: v.pipe(value, v.nonEmpty()),
  }),
  v.strictObject({ name: variable, kind: v.literal('has-part'), part: name, yes: value, no: value }),
]);
const command = v.strictObject({
  name: v.pipe(
    v.string(),
    v.check((text) => commandFault(text) === undefined, 'is no name of a command'),
    v.check(
      mayCommandComeFromElsewhere,
      ({ input }) => `an engine from elsewhere may not have a command "${input}", which others rely on`,
    ),
  ),
  part: name,
  path: v.union([path, v.record(name, path)]),
});
const lockSchema = v.pipe(
  v.looseObject({
    name,
    description: v.pipe(v.string(), v.maxLength(65536)),
    kind: v.picklist(['channel', 'dated', 'version', 'custom']),
    catalog: plainText,
    sources: v.record(name, source),
    parts: v.pipe(v.array(v.strictObject({ type: name, source: name, path })), v.maxLength(maxMembers)),
    environment: v.pipe(v.array(rule), v.maxLength(maxMembers)),
    commands: v.exactOptional(v.pipe(v.array(command), v.nonEmpty(), v.maxLength(maxMembers))),
    requires: v.exactOptional(requirementsSchema),
    platform: v.exactOptional(v.pipe(v.string(), v.check(isPlatform, 'is no platform'))),
  }),
  v.check(({ sources }) => Object.keys(sources).length <= maxMembers, 'has too many sources'),
  v.check(
    ({ sources, parts }) => parts.every((part) => Object.hasOwn(sources, part.source)),
    'has a part in a source that it lacks',
  ),
  v.check(
    ({ parts }) => new Set(parts.map(({ type }) => type)).size === parts.length,
    'has a type of part twice',
  ),
  v.check(
    ({ commands = [] }) =>
      new Set(commands.map((entry) => entry.name.toLowerCase())).size === commands.length,
    'has a command twice',
  ),
);

/**
 * Parses a lock from outside. That its digests are those of its images is for the caller to find out.
 * @param where names it in the error
 * @throws EngineshedError `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function parseLock(bytes: Uint8Array, where: string): EngineLock {
  const lock = checkLock(parseJson(bytes, where), where);
  // A directory of the machine that wrote a lock says nothing about this one.
  const directory = Object.entries(lock.sources).find(([, entry]) => isDirectory(entry));
  if (directory !== undefined) throw malformed(where, `sources.${directory[0]}`, 'is a directory');
  return lock;
}

/**
 * Checks a lock that was parsed, whose sources may be directories too: it may be this machine's.
 * @param where names it in the error
 * @throws EngineshedError `MANIFEST_INVALID`
 */
export function checkLock(json: unknown, where: string): EngineLock {
  const result = v.safeParse(lockSchema, json, { abortEarly: true });
  if (result.success) return result.output as EngineLock;
  const [issue] = result.issues;
  throw malformed(where, v.getDotPath(issue), issue.message);
}

function malformed(where: string, at: string | null, fault: string): EngineshedError {
  return new EngineshedError(
    'MANIFEST_INVALID',
    `The ${where} is malformed${at === null ? '' : ` at ${at}`}: ${fault}`,
  );
}

function isDirectory(source: unknown): boolean {
  return typeof source === 'object' && source !== null && 'kind' in source && source.kind === 'directory';
}

function isPlatform(text: string): boolean {
  try {
    return formatPlatform(parsePlatform(text)) === text;
  } catch {
    return false;
  }
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}
