import { type EngineFamily, type EngineListing, listEngines, matchTags } from '../../catalog/index.js';
import { mapLimited, type Reporter } from '../../content/index.js';
import type { EngineDefinition } from '../../engine/index.js';
import { EngineshedError, fromSystemError } from '../../errors/index.js';
import { formatReference, type Reference } from '../../oci/index.js';
import { engineNames } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, printTable, startProgress } from '../output.js';
import { openTargets, type Targets } from '../runtime.js';

/** How many members of a family are listed without `--all`. */
const shownOfFamily = 10;
/** How many repositories are asked at the same time. */
const concurrentRepositories = 8;

/** The flags of `engineshed available`. */
interface AvailableFlags {
  readonly all?: boolean;
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly json?: boolean;
}

/** An engine that can be installed. */
interface AvailableEngine {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly catalog: string;
  readonly installed: boolean;
}

/** Lists the engines that can be installed. */
export async function available(this: Host, flags: AvailableFlags): Promise<void> {
  const progress = startProgress(this);
  const catalogs = await openCatalogs(this, flags.registry);
  const listing = listEngines(catalogs);
  const targets = openTargets(this, catalogs, flags.plainHttp, progress.report);
  let tags: Map<string, ReadonlySet<string>>;
  try {
    tags = await readTags(listing, targets, progress.report);
  } finally {
    targets.close();
  }
  const installed = new Set(engineNames(openPaths(this)));
  const engines = offered(listing, tags, installed);
  const hidden = flags.all ? new Set<AvailableEngine>() : beyondNewest(engines);
  const shown = engines.filter((engine) => !hidden.has(engine));
  progress.end();
  if (flags.json) {
    printJson(this, { engines: shown, notShown: hidden.size });
    return;
  }
  if (engines.length === 0) printLine(this, 'No engine can be installed from here.');
  else {
    printTable(
      this,
      ['', 'ENGINE', 'KIND', 'DESCRIPTION'],
      shown.map(({ name, kind, description, installed }) => [
        installed ? 'installed' : '',
        name,
        kind,
        description,
      ]),
    );
  }
  if (hidden.size > 0) printLine(this, `${hidden.size} older ones are not shown; see them with --all.`);
}

/** The tags of every repository that the listing names; one that cannot be asked is warned of and left out. */
async function readTags(
  listing: EngineListing,
  targets: Targets,
  report: Reporter,
): Promise<Map<string, ReadonlySet<string>>> {
  const repositories = new Map<string, Reference>();
  const add = (reference: Reference) => repositories.set(repositoryOf(reference), reference);
  for (const engine of listing.engines) for (const reference of imagesOf(engine)) add(reference);
  for (const family of listing.families) add(family.repository);

  const failures: unknown[] = [];
  const tags = new Map<string, ReadonlySet<string>>();
  await mapLimited([...repositories], concurrentRepositories, async ([repository, reference]) => {
    try {
      const found = new Set<string>();
      for await (const tag of targets.readable(reference).tags()) found.add(tag);
      tags.set(repository, found);
    } catch (error) {
      failures.push(error);
      report({
        type: 'warning',
        message: `${repository} could not be asked: ${fromSystemError(error).message}`,
      });
    }
  });
  if (tags.size > 0 || failures.length === 0) return tags;
  const first = fromSystemError(failures[0]);
  throw new EngineshedError(first.code, 'None of the registries could be asked', {
    hint: first.hint,
    cause: first,
  });
}

function offered(
  listing: EngineListing,
  tags: ReadonlyMap<string, ReadonlySet<string>>,
  installed: ReadonlySet<string>,
): AvailableEngine[] {
  const fixed = listing.engines
    .filter((engine) =>
      imagesOf(engine).every((reference) => hasTag(tags.get(repositoryOf(reference)), reference)),
    )
    .map((engine) => describe(engine, engine.name, installed));
  const members = listing.families.flatMap((family) =>
    matchTags(family, tags.get(repositoryOf(family.repository)) ?? []).map((name) =>
      describe(family, name, installed),
    ),
  );
  return [...fixed, ...members];
}

function describe(
  { kind, description, catalog }: EngineDefinition | EngineFamily,
  name: string,
  installed: ReadonlySet<string>,
): AvailableEngine {
  return { name, kind, description, catalog, installed: installed.has(name) };
}

/** A family's older members, which are not installed. */
function beyondNewest(engines: readonly AvailableEngine[]): Set<AvailableEngine> {
  const counts = new Map<string, number>();
  return new Set(
    engines.filter(({ kind, description, installed }) => {
      if (kind !== 'dated' && kind !== 'version') return false;
      const count = (counts.get(description) ?? 0) + 1;
      counts.set(description, count);
      return count > shownOfFamily && !installed;
    }),
  );
}

function imagesOf(engine: EngineDefinition): Reference[] {
  return Object.values(engine.sources).flatMap((source) =>
    source.kind === 'directory' ? [] : [source.reference],
  );
}

/** A digest cannot be looked up in a list of tags; it is taken to be there. */
function hasTag(tags: ReadonlySet<string> | undefined, reference: Reference): boolean {
  return tags !== undefined && (reference.tag === undefined ? true : tags.has(reference.tag));
}

function repositoryOf(reference: Reference): string {
  return formatReference({ ...reference, tag: undefined, digest: undefined });
}
