// Writes schema/engineshed.schema.json, by which editors complete and check an engineshed.toml, from the schema that the program
// reads it with. `--check` only compares. See docs/decisions/0026-projects.md for why no library does this.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { catalogSchema } from '../dist/catalog/schema.js';

const directory = fileURLToPath(new URL('../schema', import.meta.url));
const file = `${directory}/engineshed.schema.json`;

/** What editors show beside a key, by the last keys of its path. */
const descriptions = {
  engine:
    'The engine that this project is for. On one line, before the first table: shims read it line by line.',
  overrides: 'What takes the place of sources of the engine of this project, by source.',
  'overrides.*.tag': 'This tag, in the repository of the source.',
  'overrides.*.digest': 'This digest, in the repository of the source.',
  default: 'The engine that is meant where none is named and none is selected.',
  images: 'What images without a registry are relative to: HOST[:PORT][/PATH].',
  engines: 'Engines, by name; with {date} or {version} in the name a family of engines.',
  'engines.*.extends': 'The engine that this one is like, but for what is said here.',
  'engines.*.sources': 'Where the components come from, by name.',
  'engines.*.parts': 'The pieces of the engine, by type, or the name of a table of [parts].',
  'engines.*.environment': 'The variables of the engine, or the name of a table of [environments].',
  image: 'An image in a registry: [REGISTRY/]REPOSITORY[:TAG][@DIGEST].',
  layout: 'An image in an OCI image layout: DIR[:TAG][@DIGEST], relative to this file.',
  directory: 'A directory of this machine, relative to this file.',
  parts: 'Tables of parts that engines share.',
  environments: 'Tables of variables that engines share.',
  registry: 'Mirrors and settings of registries, as containers-registries.conf(5) has them.',
};

const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'engineshed.toml',
  description: 'Engines, registries, and the engine of a project, for Engineshed.',
  ...convert(catalogSchema, []),
};
const text = `${JSON.stringify(schema, null, 2)}\n`;
if (!process.argv.includes('--check')) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('schema/engineshed.schema.json is not what the program reads: run node scripts/schema.mjs');
  process.exit(1);
}

/** The JSON schema of a valibot schema. Kinds that it does not know fail: none is to be left out without a word. */
function convert(schema, path) {
  if (schema.pipe !== undefined) return convertPipe(schema, path);
  switch (schema.type) {
    case 'strict_object': {
      const entries = Object.entries(schema.entries);
      const properties = entries.map(([key, entry]) => [key, described(entry, [...path, key])]);
      const required = entries.filter(([, { type }]) => !type.endsWith('optional')).map(([key]) => key);
      return {
        type: 'object',
        properties: Object.fromEntries(properties),
        additionalProperties: false,
        ...(required.length > 0 ? { required } : {}),
      };
    }
    case 'record':
      return { type: 'object', additionalProperties: described(schema.value, [...path, '*']) };
    case 'optional':
    case 'exact_optional':
      return convert(schema.wrapped, path);
    case 'array':
      return { type: 'array', items: convert(schema.item, [...path, '*']) };
    case 'lazy':
      // Text or a table, whichever was written.
      return { anyOf: ['', Object.create(null)].map((written) => convert(schema.getter(written), path)) };
    case 'picklist':
      return { enum: schema.options };
    case 'string':
    case 'boolean':
    case 'number':
      return { type: schema.type };
    default:
      throw new Error(`scripts/schema.mjs knows no "${schema.type}" (at ${path.join('.')})`);
  }
}

function convertPipe({ pipe }, path) {
  // A table is first told from lists and dates, which JSON has not.
  const schemas = pipe.filter(
    (item) => item.kind === 'schema' && (item.type !== 'custom' || item.pipe !== undefined),
  );
  const actions = pipe.filter((item) => item.kind === 'validation');
  const converted = convert(schemas.at(-1), path);
  for (const action of actions) {
    if (action.type === 'non_empty')
      converted[{ string: 'minLength', array: 'minItems' }[converted.type]] = 1;
    if (action.type === 'integer') converted.type = 'integer';
    if (action.type === 'min_value') converted.minimum = action.requirement;
    if (action.type === 'max_value') converted.maximum = action.requirement;
    if (action.type === 'regex') converted.pattern = action.requirement.source;
    if (action.keys !== undefined) converted.oneOf = action.keys.map((key) => ({ required: [key] }));
  }
  return converted;
}

function described(schema, path) {
  const known = Object.entries(descriptions).find(([key]) => {
    const keys = key.split('.');
    const isTop = [
      'engine',
      'overrides',
      'default',
      'images',
      'engines',
      'parts',
      'environments',
      'registry',
    ];
    return isTop.includes(key)
      ? path.join('.') === key
      : keys.every((part, at) => part === path[path.length - keys.length + at]);
  });
  const converted = convert(schema, path);
  return known === undefined ? converted : { description: known[1], ...converted };
}
