import { formatNamedEngine, type NamedEngine, parseNamedEngine } from '../engine/names.js';
import { topLine } from '../engine/top-line.js';
import { EngineshedError, fromSystemError, inOperation } from '../errors/index.js';
import { linkedId, readCurrent, type StorePaths } from '../store/read.js';
import { findPin, isFile, type ProjectSearch, readLockHead, readTop } from './project.js';

/** What selects an engine, in the order in which they count; `current` is `engineshed use`. */
export type Selector = 'environment' | 'project' | 'current' | 'user' | 'catalog';

/** What one selector says. */
export interface Candidate {
  readonly by: Selector;
  /** Where it says so: the name of a variable, the path of a file or link, the name of a catalog. */
  readonly place: string;
  /** What it says; undefined where it says nothing. */
  readonly engine?: NamedEngine;
  /** Why what it says cannot be read. It counts: nothing after it is selected in its stead. */
  readonly fault?: EngineshedError;
}

/** An engine that is selected, and what selected it. */
export interface Selection extends NamedEngine {
  readonly by: Selector;
  readonly place: string;
  /** For people, behind "because": `ENGINESHED_ENGINE is set`, or `it was chosen with "engineshed use"`. */
  readonly reason: string;
}

/** What a selection depends on. */
export interface SelectionInputs {
  readonly paths: StorePaths;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where a project is looked for; undefined where the working directory is not there any more. */
  readonly search: ProjectSearch | undefined;
  /** Tells the path of the user's configuration file. */
  readonly userConfiguration: () => string;
}

/** The environment variables that select an engine; the first that is set and not empty counts. */
const selectionVariables = ['ENGINESHED_ENGINE', 'HAMLET_ENGINE'] as const;

/**
 * What each selector but the catalogs says, in the order in which they count. Every shim has the same order (`src/store/shim.sh`).
 * Each is looked at when it is asked for, and throws nothing.
 */
export function* candidates(inputs: SelectionInputs): Generator<Candidate> {
  for (const variable of selectionVariables) {
    const text = inputs.environment[variable];
    yield attempt({ by: 'environment', place: variable }, () =>
      text ? { engine: named(variable, text) } : {},
    );
  }
  yield attempt({ by: 'project', place: 'engineshed.toml' }, () => pinned(inputs));
  yield attempt({ by: 'current', place: inputs.paths.current }, () => {
    const name = readCurrent(inputs.paths);
    return name === undefined ? {} : { engine: { name, id: undefined } };
  });
  yield attempt({ by: 'user', place: 'engineshed.toml' }, () => userDefault(inputs.userConfiguration()));
}

/**
 * What is selected: by a variable, a project, `use`, or the user's default; the first of them that says something counts.
 * @throws EngineshedError `NAME_INVALID`, `CONFIG_INVALID`, `FILE_PERMISSION` and others, where that cannot be read
 */
export function findSelection(inputs: SelectionInputs): Selection | undefined {
  for (const candidate of candidates(inputs)) {
    if (candidate.fault !== undefined) throw candidate.fault;
    if (candidate.engine !== undefined) return selectionOf(candidate, candidate.engine);
  }
  return undefined;
}

/** A candidate as a selection. */
export function selectionOf({ by, place }: Candidate, engine: NamedEngine): Selection {
  return { ...engine, by, place, reason: reasonFor(by, place) };
}

/**
 * The error for a selected engine that is not installed: it tells what selects it.
 * @param error `ENGINE_NOT_INSTALLED`
 */
export function notInstalledBecause(selection: Selection, error: EngineshedError): EngineshedError {
  const { name, id, by, reason } = selection;
  const remedy = by === 'project' ? 'engineshed install' : `engineshed install ${name}`;
  const hint =
    by === 'environment' && id !== undefined
      ? `No command installs a state by its id. Unset the variable, or install ${name} from where the id comes from.`
      : `Install it with: ${remedy}`;
  return new EngineshedError(
    error.code,
    `${error.message}; ${formatNamedEngine(selection)} is selected because ${reason}`,
    {
      hint: error.hint?.startsWith('Did you mean') ? error.hint : hint,
      cause: error,
    },
  );
}

function reasonFor(by: Selector, place: string): string {
  switch (by) {
    case 'environment':
      return `${place} is set`;
    case 'project':
      return `${place} pins it`;
    case 'current':
      return 'it was chosen with "engineshed use"';
    case 'user':
      return `it is the default in ${place}`;
    case 'catalog':
      return `it is the default of ${place}`;
  }
}

function attempt(about: Candidate, read: () => Partial<Candidate>): Candidate {
  try {
    return { ...about, ...read() };
  } catch (error) {
    return { ...about, fault: fromSystemError(error) };
  }
}

function named(variable: string, text: string): NamedEngine {
  try {
    return parseNamedEngine(text);
  } catch (error) {
    throw inOperation(variable, error);
  }
}

/** A project's engine is the state that its lock tells, or what stands in for it on this machine; without a lock it is what the name stands for here. */
function pinned({ search, paths }: SelectionInputs): Partial<Candidate> {
  const pin = search === undefined ? undefined : findPin(search);
  if (pin === undefined) return {};
  const head = readLockHead(pin.lock, search?.userId);
  if (head !== undefined && head.engine !== pin.name) {
    throw new EngineshedError(
      'CONFIG_INVALID',
      `The lock ${pin.lock} is for the engine ${head.engine}, and ${pin.file} pins ${pin.name}`,
      { hint: 'Make the lock anew with: engineshed lock', details: { path: pin.lock } },
    );
  }
  return head === undefined
    ? { place: pin.file, engine: { name: pin.name, id: undefined } }
    : {
        place: pin.lock,
        engine: { name: head.engine, id: linkedId(paths, head.engine, head.id) ?? head.id },
      };
}

function userDefault(path: string): Partial<Candidate> {
  const found = isFile(path) ? topLine(readTop(path), 'default') : undefined;
  if (found === undefined) return { place: path };
  if ('name' in found) return { place: path, engine: { name: found.name, id: undefined } };
  throw new EngineshedError('CONFIG_INVALID', `${path}:${found.line}: default: ${found.fault}`, {
    hint: 'Write it as: default = "NAME"',
    details: { path },
  });
}
