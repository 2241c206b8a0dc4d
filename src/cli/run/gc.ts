import { gc as collectGarbage, type GcPlan, planGc } from '../../store/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { openStore } from '../runtime.js';
import { count } from '../text.js';

/** The flags of `engineshed gc`. */
interface GcFlags {
  readonly keep: number;
  readonly unusedFor?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Frees the space of what nothing needs any more. */
export async function gc(this: Host, flags: GcFlags): Promise<void> {
  openPaths(this);
  const retention = { generations: flags.keep, unusedMs: flags.unusedFor };
  const plan = await withProgress(this, async (report) => {
    const store = openStore(this, report);
    return flags.dryRun ? planGc(store, retention) : collectGarbage(store, retention);
  });
  if (flags.json) {
    const { engines, collection } = plan;
    printJson(this, { ...(flags.dryRun ? { dryRun: true } : {}), engines, ...collection });
  } else printPlan(this, plan, flags.dryRun ? 'would be' : 'is');
}

function printPlan(host: Host, { engines, collection }: GcPlan, verb: 'is' | 'would be'): void {
  const { generations, projects, states, layers, trees, blobs, freedBytes } = collection;
  const removed = [engines, generations, projects, states, layers].some((list) => list.length > 0);
  if (!removed && trees + blobs + freedBytes === 0) {
    printLine(host, 'There is nothing to free.');
    return;
  }
  for (const { name, used } of engines)
    printLine(host, `engine ${name}, last used ${used.slice(0, 10)}, ${verb} uninstalled`);
  for (const lock of projects)
    printLine(host, `the project of ${lock}, which was not found for 30 days, ${verb} forgotten`);
  for (const { name, id } of states) printLine(host, `state ${id.slice(0, 8)} of ${name} ${verb} removed`);
  for (const { diffId, bytes } of layers)
    printLine(host, `layer ${diffId.slice(0, 19)} (${formatBytes(bytes)}) ${verb} removed`);
  if (generations.length > 0) {
    const are = verb === 'is' && generations.length > 1 ? 'are' : verb;
    printLine(host, `${count(generations.length, 'old generation')} ${are} forgotten`);
  }
  printLine(host, `${formatBytes(freedBytes)} ${verb} freed.`);
}
