import { isAbsolute } from 'node:path';
import { canonicalJson, formatReference } from '../oci/index.js';
import type { EngineDefinition, EngineLock, LockedSource, SourceDefinition } from './types.js';

/**
 * What a lock has otherwise than a definition asks for: the engine, its sources by reference, and where a file defines the
 * engine its parts, variables and commands too. Those of an engine that comes with Engineshed are what the lock says, so that a newer
 * Engineshed does not make every lock unfit.
 * @returns a line of text for each; empty where the lock fits
 */
export function lockDifferences(definition: EngineDefinition, lock: EngineLock): string[] {
  if (definition.name !== lock.name)
    return [`the file asks for the engine "${definition.name}", and the lock is of "${lock.name}"`];
  const names = new Set([...Object.keys(definition.sources), ...Object.keys(lock.sources)]);
  const sources = [...names].flatMap((name) => {
    const [asked, locked] = [definition.sources[name], lock.sources[name]];
    if (locked === undefined) return [`the source "${name}" is not in the lock`];
    if (asked === undefined) return [`the lock has a source "${name}", which the engine has not`];
    if (isSameSource(asked, locked)) return [];
    return [`the source "${name}" is ${wanted(asked)}, and ${had(locked)} in the lock`];
  });
  return isAbsolute(definition.catalog) ? [...sources, ...contentDifferences(definition, lock)] : sources;
}

/** Tells whether a lock has a source as it is asked for. */
export function isSameSource(asked: SourceDefinition, locked: LockedSource): boolean {
  return asked.kind === locked.kind && wanted(asked) === had(locked);
}

function wanted(source: SourceDefinition): string {
  return source.kind === 'directory' ? `the directory ${source.path}` : formatReference(source.reference);
}

function had(source: LockedSource): string {
  return source.kind === 'directory' ? `the directory ${source.path}` : source.reference;
}

function contentDifferences(definition: EngineDefinition, lock: EngineLock): string[] {
  return [
    ...compare('part', definition.parts, lock.parts, (part) => part.type),
    ...compare('variable', definition.environment, lock.environment, (rule) => rule.name),
    ...compare('command', definition.commands ?? [], lock.commands ?? [], (command) => command.name),
  ];
}

function compare<T>(
  what: string,
  asked: readonly T[],
  locked: readonly T[],
  keyOf: (entry: T) => string,
): string[] {
  const [one, other] = [asked, locked].map((list) => new Map(list.map((entry) => [keyOf(entry), entry])));
  const keys = new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])]);
  return [...keys]
    .filter((key) => canonicalJson(one?.get(key) ?? null) !== canonicalJson(other?.get(key) ?? null))
    .map((key) => `the ${what} "${key}" is another in the lock`);
}
