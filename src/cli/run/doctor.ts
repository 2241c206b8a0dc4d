import { errorKinds } from '../../errors/index.js';
import type { Check, Finding } from '../doctor/check.js';
import { checkRequirements } from '../doctor/requirements.js';
import { checkShims } from '../doctor/shims.js';
import { checkEngines, checkLeftovers, checkStore } from '../doctor/store.js';
import { checkConfiguration, checkLogins, checkNetwork, checkProgram } from '../doctor/surroundings.js';
import { checkTrust } from '../doctor/trust.js';
import type { Host } from '../host.js';
import { printJson, printLine } from '../output.js';
import { type Cell, printTable } from '../table.js';

/** Looks for what keeps engines from working, and says what to do about it. */
export async function doctor(this: Host, flags: { json?: boolean }): Promise<void> {
  const store = checkStore(this);
  const usable = !store.findings.some(({ severity }) => severity === 'problem');
  const checks = [
    checkProgram(this),
    store,
    ...(usable
      ? [checkEngines(this), checkShims(this), await checkRequirements(this), checkLeftovers(this)]
      : []),
    await checkConfiguration(this),
    await checkLogins(this),
    ...(usable ? [await checkTrust(this)] : []),
    checkNetwork(this),
  ];
  if (flags.json) printJson(this, { checks });
  else print(this, checks);
  if (checks.some(({ findings }) => findings.some(({ severity }) => severity === 'problem')))
    this.process.exitCode = errorKinds.data;
}

function print(host: Host, checks: readonly Check[]): void {
  printTable(
    host,
    ['', 'CHECK', 'SEEN'],
    checks.map(({ name, summary, findings }) => [verdict(findings), name, summary]),
  );
  for (const { severity, issue, cause, remedy } of checks.flatMap(({ findings }) => findings)) {
    printLine(host);
    printLine(host, `${severity}: ${issue}`);
    printLine(host, `  because  ${cause}`);
    printLine(host, `  to do    ${remedy}`);
  }
}

function verdict(findings: readonly Finding[]): Cell {
  if (findings.some(({ severity }) => severity === 'problem')) return { text: 'problem', style: 'red' };
  return findings.length > 0 ? { text: 'warning', style: 'yellow' } : { text: 'ok', style: 'green' };
}
