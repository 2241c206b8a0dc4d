import { type EngineshedError, isEngineshedError } from '../errors/index.js';
import { parseRegistry } from '../oci/index.js';
import type { MirrorRule, PullFromMirror, RegistryRule } from './rule.js';

/** A `[[registry.mirror]]` as TOML has it. */
interface MirrorTable {
  readonly location?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly 'pull-from-mirror'?: PullFromMirror | undefined;
}

/** A `[[registry]]` as TOML has it. */
export interface RegistryTable {
  readonly prefix?: string | undefined;
  readonly location?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly blocked?: boolean | undefined;
  readonly 'mirror-by-digest-only'?: boolean | undefined;
  readonly mirror?: readonly MirrorTable[] | undefined;
}

/** Makes the error about a key of the table: its path from the table, what is wrong with it, what to do. */
export type RuleFault = (path: readonly string[], problem: string, hint?: string) => EngineshedError;

/**
 * Reads a `[[registry]]`.
 * @param origin what the rule is told to come from
 * @throws what `fault` makes, where the table contradicts itself or a location is none
 */
export function readRule(table: RegistryTable, origin: string, fault: RuleFault): RegistryRule {
  const { prefix = table.location, location, mirror = [] } = table;
  if (prefix === undefined) throw fault([], 'needs a prefix or a location');
  const key = table.prefix === undefined ? 'location' : 'prefix';
  return {
    prefix: readPrefix(prefix, key, fault),
    location: location === undefined ? undefined : readLocation(location, ['location'], fault),
    insecure: table.insecure ?? false,
    blocked: table.blocked ?? false,
    mirrors: mirror.map((entry, at) => readMirror(entry, table, ['mirror', String(at)], fault)),
    origin,
    ofProject: false,
  };
}

function readMirror(
  mirror: MirrorTable,
  table: RegistryTable,
  path: readonly string[],
  fault: RuleFault,
): MirrorRule {
  const { location, insecure = false, 'pull-from-mirror': pull } = mirror;
  const digestOnly = table['mirror-by-digest-only'] === true;
  if (location === undefined) throw fault(path, 'the key "location" is missing');
  if (digestOnly && pull !== undefined) {
    const problem = 'cannot be set beside "mirror-by-digest-only" of the registry';
    throw fault([...path, 'pull-from-mirror'], problem);
  }
  return {
    location: readLocation(location, [...path, 'location'], fault),
    insecure,
    pull: pull ?? (digestOnly ? 'digest-only' : 'all'),
  };
}

/** For the grammar's sake a wildcard is looked at as if it were a name. */
function readPrefix(prefix: string, key: string, fault: RuleFault): string {
  if (!prefix.startsWith('*.') || key === 'location') return readLocation(prefix, [key], fault);
  return `*${readLocation(`x${prefix.slice(1)}`, [key], fault).slice(1)}`;
}

function readLocation(text: string, path: readonly string[], fault: RuleFault): string {
  try {
    const { registry, path: below } = parseRegistry(text);
    return below === '' ? registry : `${registry}/${below}`;
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_INVALID')) throw error;
    throw fault(path, error.message, error.hint);
  }
}
