import { formatNamedEngine, type NamedEngine } from '../../engine/names.js';
import { fromSystemError, isEngineshedError } from '../../errors/index.js';
import { type Candidate, candidates } from '../../shim/active.js';
import { type InstalledEngine, type Links, linksOf, readEngine, type StorePaths } from '../../store/read.js';
import { chooseEngine, openPaths, selectionInputs } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine } from '../output.js';
import { printTable } from '../table.js';

/** Prints the selected engine's name, or what selects an engine here and what does not. */
export async function current(this: Host, flags: { explain?: boolean; json?: boolean }): Promise<void> {
  if (flags.explain) {
    await explain(this, flags);
    return;
  }
  const { engine, selection } = await chooseEngine(this, undefined, 'tell');
  const { name, id } = engine;
  const linked = linksOf(engine);
  if (flags.json) printJson(this, { name, id, selectedBy: selection?.by, reason: selection?.reason, linked });
  else printLine(this, name);
}

/** `selected` is the first that says something; `faulty` is so too, and cannot be read. */
type Verdict = 'selected' | 'faulty' | 'overruled' | 'silent' | 'notInstalled';

interface Explained extends Candidate {
  readonly verdict: Verdict;
  /** The id of the state that it stands for, where that is installed. */
  readonly id: string | undefined;
  /** The working copies in that state. */
  readonly links: Links;
}

async function explain(host: Host, { json }: { json?: boolean }): Promise<void> {
  const paths = openPaths(host);
  const explained = judge(paths, [...candidates(selectionInputs(host, paths)), await catalogCandidate(host)]);
  const decisive = explained.find(({ verdict }) => verdict === 'selected' || verdict === 'faulty');
  const uncovered = await uncoveredBy(host, paths, decisive);
  if (json)
    printJson(host, {
      selected: selectedJson(decisive),
      candidates: explained.map(candidateJson),
      uncovered: uncovered?.found ?? null,
    });
  else {
    print(host, explained, decisive);
    if (uncovered !== undefined) uncovered.print(host, uncovered.found);
  }
  if (decisive?.fault !== undefined) throw decisive.fault;
}

/** What the policies for the selected engine do not cover. */
async function uncoveredBy(host: Host, paths: StorePaths, decisive: Explained | undefined) {
  if (decisive?.engine === undefined || decisive.id === undefined) return undefined;
  const installed = readInstalled(paths, decisive.engine);
  if (installed === undefined) return undefined;
  const { findUncovered, printUncovered } = await host.firstUse();
  const [found] = await findUncovered(host, [installed]);
  return found && { found, print: printUncovered };
}

async function catalogCandidate(host: Host): Promise<Candidate> {
  try {
    return await (await host.firstUse()).catalogCandidate(host);
  } catch (error) {
    return { by: 'catalog', place: 'the catalogs', fault: fromSystemError(error) };
  }
}

function judge(paths: StorePaths, all: readonly Candidate[]): Explained[] {
  let isDecided = false;
  return all.map((candidate) => {
    const { by, engine, fault } = candidate;
    const installed = engine === undefined ? undefined : readInstalled(paths, engine);
    const id = installed?.id;
    const links = installed === undefined ? {} : linksOf(installed);
    const isSilent = engine === undefined && fault === undefined;
    // Nobody chose that one, so it counts only where it is there.
    const isIdle = by === 'catalog' && engine !== undefined && id === undefined;
    const verdict = isSilent
      ? 'silent'
      : isDecided
        ? 'overruled'
        : fault !== undefined
          ? 'faulty'
          : isIdle
            ? 'notInstalled'
            : 'selected';
    if (verdict === 'selected' || verdict === 'faulty') isDecided = true;
    return { ...candidate, verdict, id, links };
  });
}

function readInstalled(paths: StorePaths, { name, id }: NamedEngine): InstalledEngine | undefined {
  try {
    return readEngine(paths, name, id);
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) return undefined;
    throw error;
  }
}

function print(host: Host, explained: readonly Explained[], decisive: Explained | undefined): void {
  printTable(
    host,
    ['', 'ENGINE', 'SAID BY', 'VERDICT'],
    explained.map((candidate) => [
      candidate === decisive ? '*' : '',
      candidate.engine === undefined ? '' : formatNamedEngine(candidate.engine),
      candidate.by === 'current' ? 'engineshed use' : candidate.place,
      describe(candidate, decisive),
    ]),
  );
  for (const [source, directory] of Object.entries(decisive?.links ?? {}))
    printLine(host, `${source} is linked to ${directory}`);
}

function describe({ verdict, id, fault }: Explained, decisive: Explained | undefined): string {
  switch (verdict) {
    case 'selected':
      return id === undefined ? 'selected, and not installed' : `selected, state ${id}`;
    case 'faulty':
      return `counts, and cannot be read: ${fault?.message ?? ''}`;
    case 'overruled':
      return `overruled by ${decisive?.by === 'current' ? 'engineshed use' : decisive?.place}`;
    case 'silent':
      return 'says nothing';
    case 'notInstalled':
      return 'not installed, and nobody chose it';
  }
}

function selectedJson(decisive: Explained | undefined) {
  if (decisive?.engine === undefined) return null;
  const { engine, id, by, place, links } = decisive;
  const installed = id !== undefined;
  return { name: engine.name, id: id ?? null, installed, selectedBy: by, place, linked: links };
}

function candidateJson({ by, place, engine, id, verdict, fault }: Explained) {
  return {
    selectedBy: by,
    place,
    engine: engine === undefined ? null : formatNamedEngine(engine),
    id: id ?? null,
    verdict,
    ...(fault === undefined ? {} : { fault: fault.message }),
  };
}
