import { isStateId, nameFault } from './names.js';

/** The version of `engineshed.lock` that is read. */
const lockVersion = 1;
/** More bytes than the first four lines of a lock can have. */
export const lockHeadBytes = 1024;

/** What the first lines of a lock tell. */
export interface LockHead {
  readonly engine: string;
  /** The id of the one state that the lock stands for. */
  readonly id: string;
}

/**
 * Reads the first four lines of a lock, which say what it is for; nothing else is looked at.
 * @param text the first {@link lockHeadBytes} bytes of the file, or more
 * @returns the head, or what is wrong and what to do
 */
export function parseLockHead(text: string): LockHead | { readonly fault: string; readonly hint: string } {
  const lines = text.split('\n', 4).map((line) => line.replace(/\r$/, ''));
  const version = /^ {2}"version": (\d{1,9}),$/.exec(lines[1] ?? '')?.[1];
  const engine = /^ {2}"engine": "([^"]+)",$/.exec(lines[2] ?? '')?.[1];
  const id = /^ {2}"id": "([^"]+)",$/.exec(lines[3] ?? '')?.[1];
  const hint = 'Make it anew with: engineshed lock';
  if (lines[0] === '{' && version !== undefined && Number(version) !== lockVersion)
    return {
      fault: `has version ${version}, and this Engineshed reads ${lockVersion}`,
      hint: 'Update Engineshed.',
    };
  if (lines[0] !== '{' || version === undefined || engine === undefined || id === undefined)
    return { fault: 'does not begin like a lock', hint };
  if (nameFault(engine) !== undefined || !isStateId(id)) return { fault: 'names no engine', hint };
  return { engine, id };
}
