import { parse as parseToml, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { type CatalogText, catalogFault } from './fault.js';

/** The deepest nesting that a file may have. */
const maxDepth = 32;

/**
 * Parses a file of TOML.
 * @throws EngineshedError `CONFIG_INVALID` with file, line and column, or with the key that cannot be used
 */
export function readToml(source: CatalogText): Record<string, unknown> {
  try {
    const toml = parseToml(source.text, { maxDepth, unsafeKeyBehaviour: 'throw' });
    refuseLostKeys(source, toml, []);
    return toml;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ''] = error.message.split('\n');
    throw new EngineshedError('CONFIG_INVALID', `${source.name}:${error.line}:${error.column}: ${first}`, {
      cause: error,
      details: { path: source.name },
    });
  }
}

/**
 * Checks a parsed file against its format.
 * @throws EngineshedError `CONFIG_INVALID` with file, line and key, and for an unknown key the nearest known one
 */
export function checkToml<const S extends v.GenericSchema>(
  source: CatalogText,
  toml: Record<string, unknown>,
  schema: S,
): v.InferOutput<S> {
  const result = v.safeParse(schema, toml, { abortEarly: true });
  if (result.success) return result.output;
  const [first] = result.issues;
  // A key that is not known may be the one that is missing, written wrongly.
  const issue = isMissingKey(first) ? (unknownKeyBeside(first, toml, schema) ?? first) : first;
  throw catalogFault(source, isMissingKey(issue) ? pathOf(issue).slice(0, -1) : pathOf(issue), issue.message);
}

function isMissingKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected !== 'never';
}

function unknownKeyBeside(
  missing: v.BaseIssue<unknown>,
  toml: Record<string, unknown>,
  schema: v.GenericSchema,
): v.BaseIssue<unknown> | undefined {
  const tableOf = (issue: v.BaseIssue<unknown>) => JSON.stringify(pathOf(issue).slice(0, -1));
  return v
    .safeParse(schema, toml)
    .issues?.find(
      (issue) =>
        issue.type === 'strict_object' && !isMissingKey(issue) && tableOf(issue) === tableOf(missing),
    );
}

function pathOf({ path }: v.BaseIssue<unknown>): string[] {
  return (path ?? []).map((item) => String(item.key));
}

/** valibot leaves these keys out of what it returns, without a word. */
function refuseLostKeys(source: CatalogText, value: unknown, path: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (path.length > maxDepth) throw catalogFault(source, [], `it is nested more than ${maxDepth} deep`);
  for (const [key, inner] of Object.entries(value)) {
    if (['prototype', 'constructor', '__proto__'].includes(key))
      throw catalogFault(source, [...path, key], 'cannot be used as a name');
    refuseLostKeys(source, inner, [...path, key]);
  }
}
