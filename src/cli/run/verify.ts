import { type EngineLock, parseEngineName } from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import { parseReference } from '../../oci/index.js';
import {
  type Fault,
  type RepairReport,
  repair,
  type VerifyOptions,
  type VerifyReport,
  verify as verifyStore,
} from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, printLines, withProgress } from '../output.js';
import { openStore, openTargets } from '../runtime.js';
import { count } from '../text.js';
import { findUncovered, installedHere, printUncovered } from '../uncovered.js';

/** The flags of `engineshed verify`. */
interface VerifyFlags {
  readonly fast?: boolean;
  readonly repair?: boolean;
  readonly plainHttp?: readonly string[];
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Checks what is installed, and repairs it where that is asked for. */
export async function verify(this: Host, flags: VerifyFlags, name?: string): Promise<void> {
  const { root } = openPaths(this);
  const engine = name === undefined ? undefined : parseEngineName(name);
  const options: VerifyOptions = { engine, mode: flags.fast ? 'fast' : 'full', platform: this.platform };
  const report = flags.repair
    ? await repairStore(this, flags, options)
    : await withProgress(this, (report) => verifyStore(openStore(this, report), options));
  const uncovered = await findUncovered(this, installedHere(this, engine));
  if (flags.json) printJson(this, { ...('after' in report ? repairJson(report) : report), uncovered });
  else if ('after' in report) printRepair(this, report);
  else printReport(this, report);
  if (!flags.json) for (const each of uncovered) printUncovered(this, each);
  const { faults, omitted } = 'after' in report ? report.after : report;
  if (faults.length === 0) return;
  const damaged = damagedPaths({ faults, omitted });
  throw new EngineshedError('STORE_CORRUPT', `In the store ${root} ${areDamaged(damaged)}`, {
    hint: flags.repair
      ? 'What could not be repaired, and why, is said above.'
      : `Repair ${damaged === 1 ? 'it' : 'them'} with: engineshed verify ${engine === undefined ? '' : `${engine} `}--repair`,
    details: { path: root },
  });
}

async function repairStore(host: Host, flags: VerifyFlags, options: VerifyOptions): Promise<RepairReport> {
  const catalogs = await openCatalogs(host, undefined);
  return withProgress(host, async (report) => {
    const targets = openTargets(host, catalogs, flags, report);
    const content = ({ sources }: EngineLock, name: string) => {
      const source = sources[name];
      if (source === undefined || source.kind === 'directory')
        throw new EngineshedError('INTERNAL', `The source ${name} is no image`);
      return targets.readable(parseReference(source.reference));
    };
    try {
      return await repair(openStore(host, report), { ...options, content });
    } finally {
      targets.close();
    }
  });
}

/** One path may differ in several ways. */
function damagedPaths({ faults, omitted }: Pick<VerifyReport, 'faults' | 'omitted'>): number {
  return new Set(faults.map(({ path }) => path)).size + omitted;
}

function areDamaged(paths: number): string {
  return `${count(paths, 'path is', 'paths are')} damaged`;
}

/** What is damaged now, as without `--repair`, and what was done. */
function repairJson({ after, found, ...done }: RepairReport) {
  return { ...after, repair: { found: found.faults, ...done } };
}

function printRepair(host: Host, report: RepairReport): void {
  const { found, layers, trees, states, blobs, removed, problems, after } = report;
  printFaults(host, found);
  for (const diffId of layers) printLine(host, `layer ${diffId.slice(0, 19)} is fetched again`);
  if (trees > 0) printLine(host, `${trees} of the trees made of layers are made again`);
  for (const state of states) printLine(host, `the state ${state} is made again`);
  for (const digest of blobs) printLine(host, `${digest.slice(0, 19)} is fetched again`);
  for (const diffId of removed)
    printLine(host, `layer ${diffId.slice(0, 19)}, which no engine needs, is removed`);
  for (const { engine, message, hint } of problems) {
    printLine(host, `not repaired${engine === '' ? '' : `, ${engine}`}: ${message}`);
    if (hint !== undefined) printLine(host, `  ${hint}`);
  }
  if (after.faults.length > 0) printLine(host, 'Still damaged:');
  printReport(host, after);
}

function printReport(host: Host, report: VerifyReport): void {
  printFaults(host, report);
  for (const diffId of report.unrecorded)
    printLine(
      host,
      `layer ${diffId.slice(0, 19)} was installed by an early Engineshed that listed no files: only --repair can renew it`,
    );
  const { layers, files, bytes } = report.checked;
  const read = report.mode === 'full' ? `${formatBytes(bytes)} read` : `only changed ones read`;
  const verdict = report.faults.length === 0 ? 'Nothing is damaged' : areDamaged(damagedPaths(report));
  printLine(host, `${verdict}: ${count(files, 'file')} in ${count(layers, 'layer')} checked, ${read}.`);
}

function printFaults(host: Host, { faults, omitted }: VerifyReport): void {
  const lines: string[] = [];
  let last = '';
  for (const fault of faults) {
    const heading = headingOf(fault);
    if (heading !== last) lines.push(heading);
    last = heading;
    lines.push(`  ${fault.fault.padEnd(10)}  ${fault.path}${difference(fault)}`);
  }
  if (omitted > 0) lines.push(`  and ${omitted} more`);
  printLines(host, lines);
}

function headingOf({ what, id, engines }: Fault): string {
  if (what === 'project' || what === 'channel') return `the record of a ${what}:`;
  const shown = what === 'state' || what === 'name' ? id : id.slice(0, 19);
  if (engines.length > 0) return `${what} ${shown}, of ${engines.join(', ')}:`;
  return what === 'name' ? `name ${shown}:` : `${what} ${shown}, which no engine needs:`;
}

function difference({ expected, actual }: Fault): string {
  if (expected !== undefined && actual !== undefined) return `  (${actual}, was ${expected})`;
  if (actual !== undefined) return `  (${actual})`;
  return expected === undefined ? '' : `  (was ${expected})`;
}
