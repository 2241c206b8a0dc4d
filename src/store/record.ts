import { readdirSync, readFileSync } from 'node:fs';
import { formatNamedEngine, isStateId, type NamedEngine } from '../engine/names.js';
import type {
  CommandDefinition,
  EngineEnvironment,
  EngineKind,
  LinkedState,
  LockedSource,
  PartDefinition,
} from '../engine/types.js';
import { didYouMean, EngineshedError, fromSystemError } from '../errors/index.js';
import { followPointer, readPointer } from '../files/pointer.js';
import type { Requirement } from '../requirements/types.js';
import { unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';

/** The version of `engine.json`, part of the on-disk contract. */
export const contractVersion = 1;

/** An installed engine, as `engine.json` says it. Every `directory` is absolute. */
export interface InstalledEngine {
  readonly contract: typeof contractVersion;
  readonly name: string;
  /** Which resolved state of the engine this is: equal ids have equal content. */
  readonly id: string;
  /** When it was installed, RFC 3339. */
  readonly installed: string;
  readonly description: string;
  readonly kind: EngineKind;
  readonly catalog: string;
  readonly sources: Readonly<Record<string, LockedSource & { readonly directory: string }>>;
  readonly parts: readonly (PartDefinition & { readonly directory: string })[];
  readonly environment: EngineEnvironment;
  readonly requires?: readonly Requirement[];
  /** The commands that there are on this platform, with the absolute, real path of each one's file. Left out where there are none. */
  readonly commands?: readonly InstalledCommand[];
  /** Set where directories stand in for components on this machine. */
  readonly linked?: LinkedState;
}

/** A command of an installed engine. `path` is the one for this platform. */
export interface InstalledCommand extends CommandDefinition {
  readonly path: string;
  readonly file: string;
  /** On Windows, the program that runs a script, by its first line, and the words before the file. */
  readonly interpreter?: readonly string[];
}

/** The directory of the state that a name, or one exact state, stands for on this machine, whether it is there or not. */
function stateHome(paths: StorePaths, { name, id }: NamedEngine): string {
  return id === undefined ? followPointer(paths.engineActive(name)) : paths.engineState(name, id);
}

/**
 * Reads what an engine name stands for, or one exact state.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `STORE_CORRUPT`, `STORE_VERSION`
 */
export function readEngine(paths: StorePaths, name: string, id?: string): InstalledEngine {
  const engine = readEngineFile(`${stateHome(paths, { name, id })}/engine.json`);
  // A file system without upper and lower case may find an engine of another name.
  if (engine?.name === name) return engine;
  if (id !== undefined) {
    throw new EngineshedError(
      'ENGINE_NOT_INSTALLED',
      `The state ${formatNamedEngine({ name, id })} is not installed`,
      {
        hint: `See the states that are with: engineshed list. Name the engine alone for what it stands for: ${name}`,
      },
    );
  }
  const near = didYouMean(name, engineNames(paths));
  const install = `engineshed install ${name}`;
  const hint = near === undefined ? `Install it with: ${install}` : `${near} If not: ${install}`;
  throw new EngineshedError('ENGINE_NOT_INSTALLED', `The engine ${name} is not installed`, { hint });
}

/** The installed engines, by name. Those with an unreadable record are given to `onCorrupt` and left out. */
export function readEngines(
  paths: StorePaths,
  onCorrupt: (name: string, error: EngineshedError) => void,
): InstalledEngine[] {
  return engineNames(paths).flatMap((name) => {
    try {
      const engine = readEngineFile(`${followPointer(paths.engineActive(name))}/engine.json`);
      return engine === undefined ? [] : [engine];
    } catch (error) {
      onCorrupt(name, error as EngineshedError);
      return [];
    }
  });
}

/** The names under which engines are installed, or were about to be, sorted. */
export function engineNames(paths: StorePaths): string[] {
  return list(paths.engines);
}

/** The ids of all resolved states of an engine that the store still has, sorted. */
export function engineStates(paths: StorePaths, name: string): string[] {
  return list(paths.engine(name)).filter(isStateId);
}

/**
 * The name that the `current` pointer leads to; undefined where none is active.
 * @throws EngineshedError `IO_FAILED`, `FILE_PERMISSION`
 */
export function readCurrent(paths: StorePaths): string | undefined {
  const target = unlessMissing(() => readPointer(paths.current)) ?? '';
  return /^engines\/([^/]+)\/active$/.exec(target)?.[1];
}

/**
 * Reads an `engine.json`; undefined where there is none.
 * @throws EngineshedError `STORE_CORRUPT`, `STORE_VERSION`, `FILE_PERMISSION`
 */
export function readEngineFile(path: string): InstalledEngine | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fromSystemError(error);
  }
  let engine: InstalledEngine;
  try {
    engine = JSON.parse(text) as InstalledEngine;
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause);
  }
  if (typeof engine?.contract === 'number' && engine.contract > contractVersion) {
    throw new EngineshedError(
      'STORE_VERSION',
      `${path} was written by a newer Engineshed (contract ${engine.contract})`,
      {
        hint: 'Update Engineshed.',
      },
    );
  }
  if (!isComplete(engine)) throw corrupt(path, 'fields are missing');
  return engine;
}

/** Whether a record has what its type says, as far as anything is done with it. */
function isComplete(engine: InstalledEngine | null): boolean {
  return (
    engine?.contract === contractVersion &&
    areTexts([engine.name, engine.id]) &&
    isTable(engine.sources) &&
    Object.values(engine.sources).every((source) => areTexts([source?.directory])) &&
    Array.isArray(engine.parts) &&
    engine.parts.every((part) => areTexts([part?.type, part?.source, part?.path, part?.directory])) &&
    isTable(engine.environment?.set) &&
    areTexts(Object.values(engine.environment.set)) &&
    Array.isArray(engine.environment.unset) &&
    areTexts(engine.environment.unset) &&
    (engine.commands === undefined || areCommands(engine.commands))
  );
}

function areCommands(commands: unknown): boolean {
  return (
    Array.isArray(commands) &&
    commands.every((command) => areTexts([command?.name, command?.part, command?.file]))
  );
}

function areTexts(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function corrupt(path: string, fault: string, cause?: unknown): EngineshedError {
  return new EngineshedError('STORE_CORRUPT', `The record ${path} is damaged: ${fault}`, {
    hint: 'Install that engine again.',
    cause,
    details: { path },
  });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromSystemError(error);
  }
}
