import type { EngineLock } from '../engine/index.js';
import type { Host } from './host.js';
import { printLine } from './output.js';
import { lockName } from './project.js';

/** Warnings of what in a lock is no content: directories of this machine. */
export function directoriesOf({ sources }: EngineLock): string[] {
  return Object.entries(sources).flatMap(([name, source]) =>
    source.kind === 'directory'
      ? [
          `The source "${name}" is the directory ${source.path}: its content is not locked, and "install --locked" refuses it`,
        ]
      : [],
  );
}

/** A project, as documents tell of it. */
export interface WrittenProject {
  /** The absolute path of its `engineshed.toml`. */
  readonly file: string;
  /** The absolute path of its lock. */
  readonly lock: string;
  /** Whether the lock was written. */
  readonly written: boolean;
}

/** Says that a lock was written, if it was. */
export function printWritten(host: Host, { lock, written }: WrittenProject): void {
  if (written) printLine(host, `${lockName(host, lock)} is written.`);
}
