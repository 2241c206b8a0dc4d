import { rollback as goBack, planRollback, type RollbackPlan } from '../../store/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { openStore } from '../runtime.js';
import { minuteOf } from '../text.js';

/** The flags of `engineshed rollback`. */
interface RollbackFlags {
  readonly to?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Goes to another generation. */
export async function rollback(this: Host, flags: RollbackFlags): Promise<void> {
  openPaths(this);
  const plan = await withProgress(this, async (report) => {
    const store = openStore(this, report);
    return flags.dryRun ? planRollback(store, flags.to) : goBack(store, flags.to);
  });
  if (flags.json) printJson(this, { ...(flags.dryRun ? { dryRun: true } : {}), ...plan });
  else printPlan(this, plan, flags.dryRun === true ? 'would be' : 'is');
}

function printPlan(host: Host, { to, time, change, active, engines }: RollbackPlan, verb: string): void {
  printLine(host, `The store ${verb} at generation ${to}, of ${minuteOf(time)} UTC (${change}).`);
  for (const { name, from, to: id } of engines)
    printLine(
      host,
      `  ${name}: ${from?.slice(0, 8) ?? 'not installed'} -> ${id?.slice(0, 8) ?? 'not installed'}`,
    );
  if (active.from !== active.to)
    printLine(host, `  active: ${active.from ?? 'none'} -> ${active.to ?? 'none'}`);
}
