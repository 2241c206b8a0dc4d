import { type EngineComparison, type SourceChange, shortVersion } from '../engine/index.js';
import type { Host } from './host.js';
import { printLine } from './output.js';
import { printTable } from './table.js';

/** The sources that are not the same. */
export function changedSources({ sources }: EngineComparison): SourceChange[] {
  return sources.filter(({ change }) => change !== 'same');
}

/** Prints the sources that changed as a table, and below it where the commits can be seen. */
export function printChanges(host: Host, changes: readonly SourceChange[]): void {
  if (changes.length === 0) return;
  printTable(
    host,
    ['SOURCE', 'FROM', 'TO'],
    changes.map(({ source, before, after }) => [source, shortVersion(before), shortVersion(after)]),
  );
  for (const { source, compare } of changes) if (compare !== null) printLine(host, `${source}: ${compare}`);
}
