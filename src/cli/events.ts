import { openSync, writeSync } from 'node:fs';
import type { ProgressEvent } from '../content/types.js';
import { fromSystemError, sanitizeLine } from '../errors/index.js';
import type { Host } from './host.js';

/** Of what moves, so many milliseconds lie between two events of one thing. */
const betweenMs = 100;

type Event =
  | ProgressEvent
  | { readonly type: 'start'; readonly version: string }
  | { readonly type: 'end'; readonly status: number };

/** The open file of each run; undefined where it cannot be written. */
const files = new WeakMap<Host, number | undefined>();

/**
 * Opens the file that `ENGINESHED_EVENTS` names, if it does, for events as lines of JSON after what is there. Where it cannot be opened,
 * that is said, and there are no events.
 */
export function startEvents(host: Host): void {
  const path = host.environment.ENGINESHED_EVENTS;
  if (!path || files.has(host)) return;
  try {
    files.set(host, openSync(path, 'a', 0o600));
  } catch (error) {
    giveUp(host, error);
  }
  writeLine(host, { type: 'start', version: host.version });
}

/** Writes what is reported as one line. */
export function writeEvent(host: Host, event: ProgressEvent): void {
  if (files.get(host) === undefined) return;
  writeLine(host, event.type === 'warning' ? { ...event, message: sanitizeLine(event.message) } : event);
}

/** Writes how the run ended. */
export function endEvents(host: Host, status: number): void {
  writeLine(host, { type: 'end', status });
}

function writeLine(host: Host, event: Event): void {
  const file = files.get(host);
  if (file === undefined) return;
  const { type, ...rest } = event;
  const [command] = host.arguments;
  try {
    // One write for a line: several processes may append to one file.
    const line = { time: host.now().toISOString(), pid: host.pid, command, type, ...rest };
    writeSync(file, `${JSON.stringify(line)}\n`);
  } catch (error) {
    giveUp(host, error);
  }
}

function giveUp(host: Host, error: unknown): void {
  files.set(host, undefined);
  const reason = sanitizeLine(fromSystemError(error).message);
  host.process.stderr.write(`warning: no events are written: ${reason}\n`);
}

/** Gives what tells events of the rate at which they are written: of what moves the first, some between, and the last. */
export function eventGate(): (event: ProgressEvent, now: number) => boolean {
  const last = new Map<string, number>();
  return (event, now) => {
    if (event.type !== 'transfer' && event.type !== 'count') return true;
    const [id, isLast] =
      event.type === 'transfer'
        ? [event.id, event.bytes === event.total]
        : [event.what, event.done === event.total];
    if (!isLast && now - (last.get(id) ?? 0) < betweenMs) return false;
    last.set(id, now);
    return true;
  };
}
