import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Who owns a temporary thing, so that others can tell whether the owner still lives. It is spelled in the thing's file name
 * (`PID-START-PLACE-RANDOM`), so it exists from the same instant as the thing, and a listing tells all.
 */
export interface Owner {
  readonly pid: number;
  /** When the process started, in the kernel's ticks since boot; `0` where the system does not tell. */
  readonly start: string;
  /** Which machine, boot and process namespace the pid belongs to. */
  readonly place: string;
}

/** How long an owner whose process cannot be asked (another machine or container) lives without a sign, in milliseconds. */
export const leaseMilliseconds = 60_000;

/** The owner that stands for a running process of this machine. */
export function ownerOf(pid: number): Owner {
  return { pid, start: processStart(pid) ?? '0', place: placeOfThisProcess() };
}

/** A new file name that tells its owner. */
export function ownedName(owner: Owner): string {
  return `${owner.pid}-${owner.start}-${owner.place}-${randomBytes(6).toString('hex')}`;
}

/** Reads the owner from a name made by {@link ownedName}; undefined for every other name. */
export function parseOwnedName(name: string): Owner | undefined {
  const match = /^(\d{1,10})-(\d{1,20})-([0-9a-f]{12})-[0-9a-f]{12}$/.exec(name);
  const [, pid, start, place] = match ?? [];
  if (pid === undefined || start === undefined || place === undefined) return undefined;
  return { pid: Number(pid), start, place };
}

/** Tells whether two owners are the same process. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return a.pid === b.pid && a.start === b.start && a.place === b.place;
}

/**
 * Tells whether the owner of a path lives. A process of this machine is asked of the kernel, and a pid that was given to
 * another process since does not count. An owner elsewhere lives as long as it touches the path, see {@link leaseMilliseconds}.
 * @param path the owned file or directory
 * @param now the file system's present time in milliseconds, as it stamps files
 */
export function isAlive(owner: Owner, path: string, now: () => number): boolean {
  if (owner.place === placeOfThisProcess()) {
    const start = processStart(owner.pid);
    if (start !== undefined) return start === owner.start;
    if (owner.start !== '0') return false;
    return respondsToSignals(owner.pid);
  }
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return touched !== undefined && now() - touched < leaseMilliseconds;
}

let place: string | undefined;

function placeOfThisProcess(): string {
  place ??= createHash('sha256')
    .update([hostname(), read('/proc/sys/kernel/random/boot_id'), link('/proc/self/ns/pid')].join('\n'))
    .digest('hex')
    .slice(0, 12);
  return place;
}

/** Field 22 of `/proc/PID/stat`; the name in field 2 may itself hold spaces and parentheses. */
function processStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function respondsToSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
