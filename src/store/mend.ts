import { lstatSync, readdirSync, renameSync } from 'node:fs';
import { publishDirectory, syncDirectory, uniqueSuffix } from '../files/index.js';

/**
 * Puts a directory that was made anew into the place of a damaged one, each file and link in one step: a name may lead here, and what is
 * right of it goes on working, whenever this ends. What the new one does not have goes.
 * @param staging a directory on the same file system for what is taken away
 * @throws NodeJS.ErrnoException
 */
export function mendDirectory(from: string, to: string, staging: string): void {
  const standing = lstatSync(to, { throwIfNoEntry: false });
  if (standing?.isDirectory() !== true) {
    if (standing !== undefined) takeAway(to, staging);
    publishDirectory(from, to);
    return;
  }
  const entries = readdirSync(from, { withFileTypes: true });
  const names = new Set(entries.map(({ name }) => name));
  for (const entry of entries) {
    const [made, place] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory()) mendDirectory(made, place, staging);
    else {
      // A directory is not replaced by anything else.
      if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory()) takeAway(place, staging);
      renameSync(made, place);
    }
  }
  for (const name of readdirSync(to)) if (!names.has(name)) takeAway(`${to}/${name}`, staging);
  syncDirectory(to);
}

function takeAway(path: string, staging: string): void {
  renameSync(path, `${staging}/damaged-${uniqueSuffix()}`);
}
