import { type Catalogs, findEngine, listEngines, matchTags } from '../../catalog/index.js';
import { mapLimited, type Reporter } from '../../content/index.js';
import type { EngineDefinition } from '../../engine/index.js';
import { type EngineshedError, fromSystemError, inOperation } from '../../errors/index.js';
import { formatReference, type Reference } from '../../oci/index.js';
import { readEngines } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { openTargets, type Targets } from '../runtime.js';
import { printTable } from '../table.js';

/** How many dated builds, and how many versions, a catalog shows without `--all`. */
const shownOfKind = 10;
/** How many repositories are asked at the same time. */
const concurrentRepositories = 8;

/** The flags of `engineshed available`. */
interface AvailableFlags {
  readonly all?: boolean;
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly json?: boolean;
}

/** Lists the engines that can be installed. */
export async function available(this: Host, flags: AvailableFlags): Promise<void> {
  const engines = await withProgress(this, (report) => askForEngines(this, flags, report));
  const installed = new Set(readEngines(openPaths(this), () => {}).map(({ name }) => name));
  const shown = flags.all ? engines : newest(engines, installed);
  const notShown = engines.length - shown.length;
  if (flags.json) {
    const described = shown.map(({ name, kind, description, catalog }) => ({
      name,
      kind,
      description,
      catalog,
      installed: installed.has(name),
    }));
    printJson(this, { engines: described, notShown });
    return;
  }
  if (engines.length === 0) printLine(this, 'No engine can be installed from here.');
  else {
    printTable(
      this,
      ['', 'ENGINE', 'KIND', 'DESCRIPTION'],
      shown.map(({ name, kind, description }) => [
        { text: installed.has(name) ? 'installed' : '', style: 'green' },
        name,
        kind,
        description,
      ]),
    );
  }
  if (notShown > 0) printLine(this, `${notShown} older ones are not shown; see them with --all.`);
}

async function askForEngines(
  host: Host,
  flags: AvailableFlags,
  report: Reporter,
): Promise<EngineDefinition[]> {
  const catalogs = await openCatalogs(host, flags.registry);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await findOffered(catalogs, new RepositoryTags(targets, report));
  } finally {
    targets.close();
  }
}

/** The engines that the registries have an image of, for every source of theirs; of a family the newest first. */
async function findOffered(catalogs: Catalogs, repositories: RepositoryTags): Promise<EngineDefinition[]> {
  const { engines, families } = listEngines(catalogs);
  await repositories.ask([...engines.flatMap(imagesOf), ...families.map((family) => family.repository)]);
  const members = families.flatMap((family) =>
    matchTags(family, repositories.tags(family.repository)).map((name) => findEngine(catalogs, name)),
  );
  await repositories.ask(members.flatMap(imagesOf));
  repositories.tellFailures();
  return [...engines, ...members].filter((engine) =>
    imagesOf(engine).every((image) => repositories.has(image)),
  );
}

/** The tags of repositories, each asked for once; one that cannot be asked has none. */
class RepositoryTags {
  readonly #found = new Map<string, Set<string>>();
  readonly #failures = new Map<string, EngineshedError>();
  readonly #targets: Targets;
  readonly #report: Reporter;

  constructor(targets: Targets, report: Reporter) {
    this.#targets = targets;
    this.#report = report;
  }

  async ask(references: readonly Reference[]): Promise<void> {
    const asked = new Map(references.map((reference) => [repositoryOf(reference), reference]));
    const open = [...asked].filter(([repository]) => !this.#found.has(repository));
    await mapLimited(open, concurrentRepositories, async ([repository, reference]) => {
      const tags = new Set<string>();
      this.#found.set(repository, tags);
      try {
        for await (const tag of this.#targets.readable(reference).tags()) tags.add(tag);
      } catch (thrown) {
        this.#failures.set(repository, fromSystemError(thrown));
      }
    });
  }

  tags(reference: Reference): ReadonlySet<string> {
    return this.#found.get(repositoryOf(reference)) ?? new Set();
  }

  /** A digest cannot be looked up among tags; it is taken to be there. */
  has(reference: Reference): boolean {
    return reference.tag === undefined || this.tags(reference).has(reference.tag);
  }

  /** Warns of each that could not be asked. Nothing at all would look like an answer, and is none. */
  tellFailures(): void {
    const [first] = this.#failures;
    if (first === undefined) return;
    if (this.#failures.size < this.#found.size) {
      const alike = new Map<string, string[]>();
      for (const [repository, { message }] of this.#failures)
        alike.set(message, [...(alike.get(message) ?? []), repository]);
      for (const [message, repositories] of alike)
        this.#report({ type: 'warning', message: `${andMore(repositories)} could not be asked: ${message}` });
      return;
    }
    const [, error] = first;
    const which = andMore([...this.#failures.keys()]);
    throw inOperation(`No repository of the catalogs could be asked (${which})`, error);
  }
}

function andMore([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Without the older dated builds and versions of each catalog, unless they are installed. */
function newest(engines: readonly EngineDefinition[], installed: ReadonlySet<string>): EngineDefinition[] {
  const counts = new Map<string, number>();
  return engines.filter(({ name, kind, catalog }) => {
    if (kind !== 'dated' && kind !== 'version') return true;
    const group = `${kind} ${catalog}`;
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    return count <= shownOfKind || installed.has(name);
  });
}

function imagesOf(engine: EngineDefinition): Reference[] {
  return Object.values(engine.sources).flatMap((source) =>
    source.kind === 'directory' ? [] : [source.reference],
  );
}

function repositoryOf(reference: Reference): string {
  return formatReference({ ...reference, tag: undefined, digest: undefined });
}
