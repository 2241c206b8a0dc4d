import { lstatSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { quotePosix } from '../engine/index.js';
import { inOperation } from '../errors/index.js';
import { onWindows, replaceFile, syncDirectory, uniqueSuffix } from '../files/index.js';
import { allCommands } from './commands.js';
import { inTheWay, makeOwnDirectory, standsAsDirectory } from './directory.js';
import { unlessMissing } from './missing.js';
import { type StorePaths, shimExtension } from './paths.js';
import type { Store, Transaction } from './store.js';

/** How every shim begins, of this version and of others. */
const beginning = onWindows ? '@echo off\r\nrem A shim of Engineshed,' : '#!/bin/sh\n# A shim of Engineshed,';

/** What stands at the place of a shim. */
type Standing = 'nothing' | 'right' | 'other version' | 'foreign';

/** What there is to do so that each command has its shim. */
export interface ShimChanges {
  readonly write: readonly string[];
  readonly remove: readonly string[];
  /** Commands in the place of whose shim there is something that Engineshed did not make. */
  readonly foreign: readonly string[];
}

/**
 * The text of the shim of each command of a store. It is one for all, which goes by the name that it is called by; but on Windows that name
 * is written in it.
 * @param root of the store, absolute: for shims that are called through a link from elsewhere
 */
function shimTexts(root: string): (command: string) => string {
  if (onWindows) {
    const source = readSource('shim.cmd').replace(/\r?\n/g, '\r\n');
    return (command) => source.replaceAll('@COMMAND@', command);
  }
  const text = posixShim(root);
  return () => text;
}

function posixShim(root: string): string {
  const values: Readonly<Record<string, string>> = {
    // Whoever comes to the store through a link gets the same.
    '@STORE@': quotePosix(unlessMissing(() => realpathSync(root)) ?? root),
    '@TAB@': '\t',
    '@CR@': '\r',
    '@BOM@': '\ufeff',
  };
  return readSource('shim.sh').replace(/@(?:STORE|TAB|CR|BOM)@/g, (word) => values[word] ?? word);
}

function readSource(name: string): string {
  return readFileSync(new URL(`../store/${name}`, import.meta.url), 'utf8');
}

/** Compares the shims of a store with the commands of its engines. Reads the store, writes nothing. */
export function planShims(paths: StorePaths): ShimChanges {
  const wanted = new Set(allCommands(paths));
  const there = (unlessMissing(() => readdirSync(paths.shims)) ?? []).flatMap(commandOf);
  if (wanted.size === 0 && there.length === 0) return { write: [], remove: [], foreign: [] };
  const textOf = shimTexts(paths.root);
  const standing = new Map([...wanted, ...there].map((name) => [name, look(paths.shim(name), textOf(name))]));
  const all = [...standing];
  return {
    write: all.flatMap(([name, at]) =>
      wanted.has(name) && (at === 'nothing' || at === 'other version') ? [name] : [],
    ),
    remove: all.flatMap(([name, at]) =>
      !wanted.has(name) && at !== 'foreign' && at !== 'nothing' ? [name] : [],
    ),
    foreign: all.flatMap(([name, at]) => (wanted.has(name) && at === 'foreign' ? [name] : [])),
  };
}

/**
 * Gives each command of each engine its shim, and takes away those of commands that there are no more. What Engineshed did not make
 * stays as it is, with a warning.
 * @param lock runs work while nobody else does this: what one process has just installed must not look like nobody's to another
 * @throws EngineshedError `DISK_FULL`, `FILE_PERMISSION`, `FILE_IN_THE_WAY` where something else is in the place of the directory
 */
export async function settleShims(
  store: Store,
  { staging }: Transaction,
  lock: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { paths } = store;
  if (isSettled(planShims(paths))) return;
  await lock(async () => {
    const { write, remove, foreign } = planShims(paths);
    try {
      if (write.length > 0) makeOwnDirectory(paths.shims);
      const textOf = shimTexts(paths.root);
      for (const name of write)
        replaceFile(paths.shim(name), textOf(name), `${staging}/shim-${uniqueSuffix()}`, 0o755);
      for (const name of remove) rmSync(paths.shim(name), { force: true });
      if (remove.length > 0) syncDirectory(paths.shims);
    } catch (error) {
      throw inOperation('Making the shims of commands', error);
    }
    for (const name of foreign)
      store.report({
        type: 'warning',
        message: `The command ${name} has no shim: ${paths.shim(name)} is there, and Engineshed did not make it`,
      });
  });
}

/**
 * Refuses an engine where something that Engineshed did not make is in the place of one of its shims.
 * @throws EngineshedError `FILE_IN_THE_WAY`
 */
export function refuseForeignShims(paths: StorePaths, commands: readonly { readonly name: string }[]): void {
  if (commands.length === 0 || !standsAsDirectory(paths.shims)) return;
  const textOf = shimTexts(paths.root);
  for (const { name } of commands) {
    const shim = paths.shim(name);
    if (look(shim, textOf(name)) === 'foreign') throw inTheWay(shim, 'is no shim');
  }
}

/** Whether each of these commands has its shim. */
export function haveShims(paths: StorePaths, commands: readonly { readonly name: string }[]): boolean {
  if (commands.length === 0) return true;
  const textOf = shimTexts(paths.root);
  return commands.every(({ name }) => look(paths.shim(name), textOf(name)) === 'right');
}

/** The command that a file among the shims is for, by its name. */
function commandOf(file: string): string[] {
  return file.endsWith(shimExtension) ? [file.slice(0, file.length - shimExtension.length)] : [];
}

function isSettled({ write, remove, foreign }: ShimChanges): boolean {
  return write.length === 0 && remove.length === 0 && foreign.length === 0;
}

function look(path: string, text: string): Standing {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'nothing';
  // A shim has a few kilobytes; what is larger need not be read to be told from one.
  if (!stat.isFile() || stat.size > 100_000) return 'foreign';
  // Another process may just have removed it.
  const content = unlessMissing(() => readFileSync(path, 'utf8'));
  if (content === undefined) return 'nothing';
  if (content === text) return !onWindows && (stat.mode & 0o111) === 0 ? 'other version' : 'right';
  return content.startsWith(beginning) ? 'other version' : 'foreign';
}
