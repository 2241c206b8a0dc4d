import { readFileSync } from 'node:fs';
import { readComponent } from '../catalog/index.js';
import { withoutLogins } from '../credentials/index.js';
import type { EngineEnvironment, EngineLock, EnvironmentRule, LockedSource } from '../engine/index.js';
import {
  advice,
  checkNeeds,
  type Machine,
  mergeNeeds,
  type Need,
  type Outcome,
  packageManagerOf,
  parseRequirements,
  type Requirement,
  requiresAnnotation,
} from '../requirements/index.js';
import type { Host } from './host.js';
import { printWarning } from './output.js';
import { count } from './text.js';

/** An engine: an installed one, or a lock, in which directories are not known. */
interface Needing {
  readonly name: string;
  readonly requires?: readonly Requirement[];
  readonly sources: Readonly<Record<string, LockedSource & { readonly directory?: string }>>;
  readonly parts: readonly { readonly type: string; readonly directory?: string }[];
  readonly environment?: readonly EnvironmentRule[] | EngineEnvironment;
}

/** What an engine and its components need, and what of it cannot be read. */
export interface Needs {
  readonly needs: readonly Need[];
  /** The names of the sources whose annotation is malformed. */
  readonly unreadable: readonly string[];
}

/**
 * What an engine needs: by its catalog, then by each of its components. What several need alike is there once.
 * @throws EngineshedError `CONFIG_INVALID` for a directory as source whose file is malformed
 */
export async function needsOf(engine: Needing): Promise<Needs> {
  const unreadable: string[] = [];
  const { environment: rules } = engine;
  const environment = rules !== undefined && 'set' in rules ? rules.set : undefined;
  const all: Need[] = (engine.requires ?? []).map((requirement) => ({
    ...requirement,
    by: [engine.name],
    environment,
    directory: engine.parts.find(({ type }) => type === requirement.part)?.directory,
  }));
  for (const [name, source] of Object.entries(engine.sources)) {
    const requires = await componentRequires(source);
    if (requires === undefined) unreadable.push(name);
    for (const { part: _, ...requirement } of requires ?? [])
      all.push({
        ...requirement,
        by: [`${name} of ${engine.name}`],
        directory: source.directory,
        environment,
      });
  }
  return { needs: mergeNeeds(all), unreadable };
}

/** What the image of a component needs; undefined where that cannot be read. */
export function requiresOf(annotations: Readonly<Record<string, string>>): Requirement[] | undefined {
  const text = annotations[requiresAnnotation];
  return text === undefined ? [] : parseRequirements(text);
}

async function componentRequires(source: LockedSource): Promise<readonly Requirement[] | undefined> {
  return source.kind === 'directory'
    ? (await readComponent(source.path)).requires
    : requiresOf(source.annotations);
}

/** A need, and what looking for it on this machine gave. */
export interface CheckedNeed {
  readonly need: Need;
  readonly outcome: Outcome;
}

/**
 * Looks on this machine for what an engine needs.
 * @param mayRun as for `checkNeeds`
 */
export function checkOnMachine(
  host: Host,
  needs: readonly Need[],
  mayRun: 'known tools' | 'anything',
): Promise<CheckedNeed[]> {
  const surroundings = { environment: withoutLogins(host.environment), platform: host.platform };
  return checkNeeds(needs, surroundings, mayRun);
}

/** Looks on this machine for what an engine needs that is to be installed. Nothing runs that the engine chose. */
export async function checkLock(host: Host, lock: EngineLock): Promise<CheckedNeed[]> {
  const { needs, unreadable } = await needsOf(lock);
  for (const source of unreadable)
    printWarning(
      host,
      `what ${source} of ${lock.name} needs is not known: the annotation of its image is malformed`,
    );
  return checkOnMachine(host, needs, 'known tools');
}

/** Warns of what is not there. An engine is installed all the same: who installs it need not be who runs it. */
export function warnOfUnmet(host: Host, checked: readonly CheckedNeed[]): void {
  for (const { need, outcome } of checked.filter(isUnmet)) {
    const what = `${need.by.join(', ')} needs ${formatRequirement(need)}`;
    printWarning(host, `${what}; ${describeOutcome(outcome)}. ${remedyFor(host, need)}`);
  }
  const open = checked.filter(({ outcome }) => outcome.status === 'unchecked').length;
  if (open > 0)
    printWarning(
      host,
      `${count(open, 'requirement')} can only be checked by running what the engine says; do that with: engineshed doctor`,
    );
}

/** What a document says of a requirement. */
export function requirementJson({ need, outcome }: CheckedNeed) {
  const { name, version, check, by } = need;
  return { name, version, check, by, ...outcome };
}

/** Whether an engine may not work because of it. */
export function isUnmet({ outcome }: CheckedNeed): boolean {
  return outcome.status === 'missing' || outcome.status === 'unfit' || outcome.status === 'failed';
}

/** A requirement for people: `bash >=4`. */
export function formatRequirement({ name, version, check }: Requirement): string {
  if (check !== undefined) return `${name} (checked by ${check})`;
  return version === undefined ? name : `${name} ${version}`;
}

/** What was found, for people. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.status) {
    case 'met':
      return outcome.found ?? 'there';
    case 'missing':
      return 'it is not on the PATH';
    case 'unfit':
      return `${outcome.path} is ${outcome.found}`;
    case 'unknown':
      return `${outcome.path} is there, and ${outcome.reason}`;
    case 'failed':
      return `its check says no: ${outcome.reason}`;
    case 'unchecked':
      return 'not looked for';
  }
}

/** What to do where a requirement is not met. */
export function remedyFor(host: Host, requirement: Requirement): string {
  return advice(requirement, machineOf(host));
}

function machineOf(host: Host): Machine {
  return {
    manager: packageManagerOf(host.platform, host.platform === 'linux' ? osRelease() : undefined),
    isAdministrator: host.userId === 0,
  };
}

/** Where os-release(5) has it. */
function osRelease(): string | undefined {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // The other, then; a machine without one is none that is known.
    }
  }
  return undefined;
}
