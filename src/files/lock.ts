import { closeSync, openSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectories } from './directory.js';
import { isAlive, leaseMilliseconds, type Owner, ownedName, parseOwnedName } from './owner.js';

/** `shared` keeps exclusive holders out, `exclusive` keeps everybody out. */
export type LockMode = 'shared' | 'exclusive';

/** A lock that is held. */
export interface Lock {
  /** Gives it back; a second call does nothing. */
  release(): void;
}

/** How to wait for a lock. */
export interface LockOptions {
  /** Called once when the lock is not free at first, with the process that has it. */
  readonly onWait?: (holder: Owner) => void;
  /** `wait` unless told; `fail` gives up at once. */
  readonly whenBusy?: 'wait' | 'fail';
}

/**
 * Takes a lock between processes. A lock is a directory of claims, one uniquely named file per claimant. A claimant makes its
 * claim first and looks around second: it has the lock when no living claim conflicts with its own. Of two that look at the
 * same time at least one sees the other, so never both have it. A dead owner's claim does not count and is swept by whoever
 * meets it; since names are never used twice, sweeping cannot hit a living one. Nothing has to be cleaned up after a kill.
 * @returns undefined only with `whenBusy: 'fail'`
 * @throws NodeJS.ErrnoException
 */
export async function acquireLock(
  directory: string,
  mode: LockMode,
  owner: Owner,
  options: LockOptions = {},
): Promise<Lock | undefined> {
  let announced = false;
  for (;;) {
    const claim = makeClaim(directory, mode, owner);
    for (;;) {
      const rivals = rivalsOf(directory, claim);
      const [first] = rivals;
      if (first === undefined) return { release: () => drop(directory, claim) };
      if (!announced) options.onWait?.(first.owner);
      announced = true;
      if (options.whenBusy === 'fail') break;
      // Of several waiting claims the lowest stays, the others step back: one of them always gets on.
      if (rivals.some((rival) => rival.rank < claim.rank)) break;
      await sleep(20);
    }
    drop(directory, claim);
    if (options.whenBusy === 'fail') return undefined;
    await sleep(20 + Math.random() * 60);
  }
}

/**
 * The living owners of claims on a lock: those that have it and those that wait for it. Sweeps dead ones.
 * @param now the present time in milliseconds, as the file system stamps files
 */
export function lockOwners(directory: string, now: () => number): Owner[] {
  try {
    return livingClaims(directory, now).map((claim) => claim.owner);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Removes a lock that no living process has or waits for.
 * @param now as for {@link lockOwners}
 * @throws NodeJS.ErrnoException
 */
export function sweepLock(directory: string, now: () => number): void {
  if (lockOwners(directory, now).length === 0) removeIfEmpty(directory);
}

interface Claim {
  readonly file: string;
  readonly mode: LockMode;
  readonly rank: string;
  readonly owner: Owner;
}

/** A claim of this process, with the timer that gives signs of life while it waits and while it holds. */
interface OwnClaim extends Claim {
  readonly signs: NodeJS.Timeout;
}

function makeClaim(directory: string, mode: LockMode, owner: Owner): OwnClaim {
  for (let tries = 0; ; tries++) {
    const name = ownedName(owner);
    const file = `${directory}/${mode}.${name}`;
    try {
      makeDirectories(directory, 0o755);
      closeSync(openSync(file, 'wx', 0o644));
      return { file, mode, rank: rankOf(name), owner, signs: giveSigns(file) };
    } catch (error) {
      // The last holder removes the empty directory, perhaps just between our two calls.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries > 100) throw error;
    }
  }
}

/** Claims that this process gave up and could not remove: it must not wait for itself. Others wait until it has ended. */
const dropped = new Set<string>();

/** A claim of one who could not look around would keep others out for as long as its owner lives. */
function rivalsOf(directory: string, claim: OwnClaim): Claim[] {
  try {
    return livingRivals(directory, claim);
  } catch (error) {
    drop(directory, claim);
    throw error;
  }
}

function livingRivals(directory: string, own: OwnClaim): Claim[] {
  const now = () => {
    sign(own.file);
    return statSync(own.file).mtimeMs;
  };
  return livingClaims(directory, now).filter(
    (claim) =>
      claim.file !== own.file &&
      !dropped.has(claim.file) &&
      (claim.mode === 'exclusive' || own.mode === 'exclusive'),
  );
}

function livingClaims(directory: string, now: () => number): Claim[] {
  return readdirSync(directory).flatMap((entry) => {
    const file = `${directory}/${entry}`;
    const [mode, name = ''] = entry.split('.', 2);
    const owner = parseOwnedName(name);
    if (owner === undefined || (mode !== 'shared' && mode !== 'exclusive')) return [];
    if (isAlive(owner, file, now)) return [{ file, mode, rank: rankOf(name), owner }];
    rmSync(file, { force: true });
    return [];
  });
}

/** The random part of the name, so that no process is always first. */
function rankOf(name: string): string {
  return name.slice(name.lastIndexOf('-') + 1);
}

function giveSigns(file: string): NodeJS.Timeout {
  const timer = setInterval(() => sign(file), leaseMilliseconds / 6);
  return timer.unref();
}

/** Writing lets the file system stamp the file with its own clock, which machines that share it have in common. */
function sign(file: string): void {
  try {
    writeFileSync(file, '.', { flag: 'r+' });
  } catch {
    // The claim may be gone with the whole store.
  }
}

function drop(directory: string, claim: OwnClaim): void {
  clearInterval(claim.signs);
  dropped.add(claim.file);
  rmSync(claim.file, { force: true });
  dropped.delete(claim.file);
  removeIfEmpty(directory);
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Somebody else's claim is in it, or somebody else removed it.
  }
}
