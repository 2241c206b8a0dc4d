import { accessSync, constants, lstatSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatNamedEngine } from '../../engine/names.js';
import { findSelection, type Selection } from '../../shim/active.js';
import {
  checkStoreVersion,
  type InstalledEngine,
  planGc,
  readCurrent,
  readEngine,
  readEngines,
  type StorePaths,
  storePaths,
} from '../../store/index.js';
import { selectionInputs } from '../engines.js';
import type { Host } from '../host.js';
import { formatBytes } from '../output.js';
import { findForeign } from '../ownership.js';
import { storeRoot } from '../places.js';
import { openStore } from '../runtime.js';
import { type Check, type Finding, findingOf } from './check.js';

/** Less free space than this, in bytes, is little. */
const littleSpace = 500 * 1000 * 1000;
/** Fewer free inodes than this are few. */
const fewInodes = 10_000;

/** Looks at the store itself: its place, its version, who may write to it, and how much room there is. */
export function checkStore(host: Host): Check {
  const name = 'store';
  let paths: StorePaths;
  try {
    paths = storePaths(storeRoot(host));
  } catch (error) {
    return { name, summary: 'unknown', findings: [findingOf('There is no place for the store', error, '')] };
  }
  const findings: Finding[] = [];
  try {
    checkStoreVersion(paths);
  } catch (error) {
    findings.push(findingOf('The store cannot be used', error, 'Update Engineshed.'));
  }
  const nearest = nearestExisting(paths.root);
  const foreign = findForeign(host);
  if (foreign !== undefined) {
    findings.push({
      severity: 'warning',
      issue: 'Not all can be installed, updated, chosen or freed',
      cause: `${foreign.path} belongs to ${foreign.owner}`,
      remedy: foreign.remedy,
    });
  } else if (!isWritable(nearest)) {
    findings.push({
      severity: 'warning',
      issue: 'Nothing can be installed, updated or chosen',
      cause: `This user may not write to ${nearest}`,
      remedy: 'Run as the user to whom it belongs, or set ENGINESHED_HOME to a directory of your own.',
    });
  }
  if (/\s/.test(paths.root)) {
    findings.push({
      severity: 'warning',
      issue: 'An executor that is a shell script may not find its files',
      cause: `The path of the store, ${paths.root}, has a blank in it, and many scripts do not quote paths`,
      remedy: 'Set ENGINESHED_HOME to a path without blanks.',
    });
  }
  const { bavail, bsize, files, ffree } = statfsSync(nearest);
  const free = bavail * bsize;
  if (free < littleSpace) {
    findings.push({
      severity: 'warning',
      issue: 'An install may not fit',
      cause: `${formatBytes(free)} are free where the store is`,
      remedy: 'See what "engineshed gc --dry-run" would free.',
    });
  }
  // Some file systems count none.
  if (files > 0 && ffree < fewInodes) {
    findings.push({
      severity: 'warning',
      issue: 'An install may not fit',
      cause: `The file system of the store has room for ${ffree} more files only`,
      remedy: 'See what "engineshed gc --dry-run" would free, or move the store with ENGINESHED_HOME.',
    });
  }
  return { name, summary: `${paths.root}, ${formatBytes(free)} free`, findings };
}

/** Looks at the installed engines: their records, the directories that these name, and which is selected. */
export function checkEngines(host: Host): Check {
  const paths = storePaths(storeRoot(host));
  const findings: Finding[] = [];
  const engines = readEngines(paths, (name, error) =>
    findings.push(findingOf(`The engine ${name} cannot be used`, error, reinstall(name))),
  );
  for (const engine of engines) findings.push(...missingOf(engine));
  if (lstatSync(paths.current, { throwIfNoEntry: false }) !== undefined && readCurrent(paths) === undefined) {
    findings.push({
      severity: 'problem',
      issue: 'The active engine is not known',
      cause: `${paths.current} leads to no engine`,
      remedy: 'Choose one with: engineshed use NAME',
    });
  }
  let selection: Selection | undefined;
  try {
    selection = findSelection(selectionInputs(host, paths));
    if (selection !== undefined) readEngine(paths, selection.name, selection.id);
  } catch (error) {
    const issue =
      selection === undefined
        ? 'What is selected here cannot be read'
        : `The selected engine ${formatNamedEngine(selection)} cannot be used (${selection.reason})`;
    findings.push(findingOf(issue, error, 'Choose another with "engineshed use".'));
  }
  const selected = selection === undefined ? 'none is active' : `${formatNamedEngine(selection)} is active`;
  return { name: 'engines', summary: `${engines.length} installed, ${selected}`, findings };
}

/** Looks at what the store has that nothing needs. */
export function checkLeftovers(host: Host): Check {
  const name = 'leftovers';
  try {
    const { freedBytes, partialBytes } = planGc(
      openStore(host, () => {}),
      { generations: 3 },
    ).collection;
    const partial = partialBytes === 0 ? '' : `, ${formatBytes(partialBytes)} of it of interrupted downloads`;
    return { name, summary: `"engineshed gc" would free ${formatBytes(freedBytes)}${partial}`, findings: [] };
  } catch (error) {
    return { name, summary: 'unknown', findings: [findingOf('"engineshed gc" cannot work', error, '')] };
  }
}

function missingOf({ name, sources, parts }: InstalledEngine): Finding[] {
  const places = [
    ...Object.entries(sources).map(([source, { directory }]) => ({ what: `source ${source}`, directory })),
    ...parts.map(({ type, directory }) => ({ what: `part ${type}`, directory })),
  ];
  return places
    .filter(({ directory }) => lstatSync(directory, { throwIfNoEntry: false }) === undefined)
    .map(({ what, directory }) => ({
      severity: 'problem',
      issue: `The engine ${name} is not complete`,
      cause: `Its ${what} should be ${directory}, which is not there`,
      remedy: reinstall(name),
    }));
}

function reinstall(name: string): string {
  return `Install it again with: engineshed install ${name}`;
}

function nearestExisting(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) !== undefined ? path : nearestExisting(dirname(path));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
