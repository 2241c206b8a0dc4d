import { win32 } from 'node:path';
import { markOf } from './mark.js';
import type { InstalledEngine } from './record.js';

/**
 * What shims on Windows read of a state, a line each: `state NAME@ID`, `mark SOURCE FILE` (where that is there, the source is
 * damaged), `file COMMAND PATH`, `run COMMAND PROGRAM OPTION...`, `set VARIABLE VALUE`, `unset VARIABLE`; `own` and `join` are `file` and
 * `set` with a path in the store. The `cmd` of Windows reads it in the code page of whoever calls it, which nobody knows: what is not plain
 * ASCII is not written, and the line `held` says that Engineshed itself must start the command. Pure.
 * @param engine with commands
 * @param root of the store, absolute
 */
export function renderForWindows(engine: InstalledEngine, root: string): string {
  const inside = (path: string) => {
    const way = win32.relative(root, path);
    return way === '' || way.startsWith('..') || win32.isAbsolute(way) ? undefined : way;
  };
  const place = (inStore: string, elsewhere: string, name: string, path: string) => {
    const way = win32.isAbsolute(path) ? inside(path) : undefined;
    return way === undefined ? [elsewhere, name, path] : [inStore, name, way];
  };
  const { set, unset } = engine.environment;
  const lines = [
    ['state', `${engine.name}@${engine.id}`],
    ...Object.entries(engine.sources)
      .filter(([, { kind }]) => kind !== 'directory')
      .map(([name, { directory }]) => ['mark', name, inside(markOf(directory)) ?? '']),
    ...(engine.commands ?? []).flatMap(({ name, file, interpreter }) => [
      place('own', 'file', name, file),
      ...(interpreter === undefined ? [] : [['run', name, interpreter.join(' ')]]),
    ]),
    ...Object.entries(set).map(([name, value]) => place('join', 'set', name, value)),
    ...unset.map((name) => ['unset', name]),
  ];
  const texts = lines.map((words) => words.join(' '));
  const isPlain = lines.every((words) => words.every((word) => /^[!-~]([ -~]*[!-~])?$/.test(word)));
  return isPlain ? `${texts.join('\r\n')}\r\n` : 'held\r\n';
}
