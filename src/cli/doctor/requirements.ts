import { isEngineshedError } from '../../errors/index.js';
import { mergeNeeds } from '../../requirements/index.js';
import { type InstalledEngine, readEngines, refuseDamaged, storePaths } from '../../store/index.js';
import type { Host } from '../host.js';
import { storeRoot } from '../places.js';
import {
  type CheckedNeed,
  checkOnMachine,
  describeOutcome,
  formatRequirement,
  isUnmet,
  type Needs,
  needsOf,
  remedyFor,
} from '../requirements.js';
import { type Check, type Finding, findingOf } from './check.js';

/**
 * Looks for what the installed engines need of this machine. Runs what they say finds that out, but nothing of an engine that is
 * known to be damaged.
 */
export async function checkRequirements(host: Host): Promise<Check> {
  const findings: Finding[] = [];
  const engines = readEngines(storePaths(storeRoot(host)), () => {}).filter(isSound);
  const found = await Promise.all(engines.map((engine) => needsOrFinding(engine, findings)));
  const needs = mergeNeeds(found.flatMap((each) => each.needs));
  const checked = await checkOnMachine(host, needs, 'anything');
  findings.push(...checked.flatMap((each) => findingFor(host, each)));
  const met = checked.filter(({ outcome }) => outcome.status === 'met');
  const summary =
    checked.length === 0 ? 'the engines state none' : `${met.length} of ${checked.length} are met`;
  return { name: 'requirements', summary, findings };
}

function isSound(engine: InstalledEngine): boolean {
  try {
    refuseDamaged(engine);
    return true;
  } catch (error) {
    if (isEngineshedError(error, 'STORE_CORRUPT')) return false;
    throw error;
  }
}

async function needsOrFinding(engine: InstalledEngine, findings: Finding[]): Promise<Needs> {
  try {
    const needs = await needsOf(engine);
    for (const source of needs.unreadable) {
      findings.push({
        severity: 'warning',
        issue: `What ${source} of ${engine.name} needs is not known`,
        cause: 'The annotation of its image that says so is malformed',
        remedy: 'Tell its publisher; "engineshed publish" writes it from .engineshed/component.toml.',
      });
    }
    return needs;
  } catch (error) {
    findings.push(findingOf(`What ${engine.name} needs is not known`, error, 'Correct the file.'));
    return { needs: [], unreadable: [] };
  }
}

function findingFor(host: Host, checked: CheckedNeed): Finding[] {
  const { need, outcome } = checked;
  if (outcome.status === 'met') return [];
  const unmet = isUnmet(checked);
  return [
    {
      severity: unmet ? 'problem' : 'warning',
      issue: `${need.by.join(', ')} ${need.by.length === 1 ? 'needs' : 'need'} ${formatRequirement(need)}`,
      cause: sentence(describeOutcome(outcome)),
      remedy: unmet ? remedyFor(host, need) : `See to it that ${formatRequirement(need)} is there.`,
    },
  ];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
