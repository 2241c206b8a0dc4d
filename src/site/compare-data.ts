import { isRevision, type LockedSource, sourceSite, versionOf } from '../engine/index.js';
import { canonicalJson, digestHex, digestOf } from '../oci/index.js';
import type { SiteRelease } from '../release/index.js';
import type { View } from './view.js';
import { plainDay } from './words.js';

/** What the script of the page that compares works with; `browser/compare.js` reads it. Everything that repeats is there once. */
export interface CompareData {
  /** The newest first. */
  readonly releases: readonly {
    readonly title: string;
    readonly day: string;
    readonly page: string;
    readonly digest: string;
    /** Places in `components`, by source. */
    readonly components: readonly number[];
    /** Places in `facts`. */
    readonly facts: readonly number[];
  }[];
  /** The channels, each with places in `releases`, the newest first; the last has no name: what is in none. */
  readonly groups: readonly { readonly name: string; readonly releases: readonly number[] }[];
  readonly components: readonly DataComponent[];
  readonly sites: readonly { readonly commit: string; readonly compare: string }[];
  readonly facts: readonly { readonly kind: FactKind; readonly name: string; readonly is: string }[];
}

type FactKind = 'Parts' | 'Environment' | 'Commands';

interface DataComponent {
  readonly source: string;
  readonly image: string;
  readonly from: string;
  readonly version: string | null;
  readonly revision: string | null;
  /** The place in `sites` where its commits are; null where that is not known, or its revision is none. */
  readonly site: number | null;
}

/** Everything of a site that is compared. */
export function compareData({ site, lines, paths }: View): CompareData {
  const components = new Table<DataComponent>();
  const sites = new Table<{ readonly commit: string; readonly compare: string }>();
  const facts = new Table<CompareData['facts'][number]>();
  const releases = site.releases.map((release) => ({
    title: release.title,
    day: plainDay(release.time),
    page: paths.release(release.digest),
    digest: digestHex(release.digest),
    components: Object.entries(release.engine.sources).map(([source, locked]) =>
      components.place(componentOf(source, locked, sites)),
    ),
    facts: factsOf(release).map((fact) => facts.place(fact)),
  }));
  const at = new Map(site.releases.map((release, place) => [release, place]));
  const placesOf = (some: readonly SiteRelease[]) => some.flatMap((release) => at.get(release) ?? []);
  const named = new Set([...lines.values()].flat());
  const groups = [...lines].map(([name, line]) => ({ name, releases: placesOf(line) }));
  const others = placesOf(site.releases.filter((release) => !named.has(release)));
  return {
    releases,
    groups: [...groups, { name: '', releases: others }].filter(({ releases }) => releases.length > 0),
    components: components.rows,
    sites: sites.rows,
    facts: facts.rows,
  };
}

function componentOf(
  source: string,
  locked: LockedSource,
  sites: Table<{ commit: string; compare: string }>,
): DataComponent {
  const { from, version, revision, repository } = versionOf(locked);
  const image = locked.kind === 'directory' ? '' : digestHex(locked.manifest.digest);
  const known = revision !== null && isRevision(revision) ? sourceSite(repository) : null;
  const site = known === null ? null : sites.place({ commit: known.commit, compare: known.compare });
  return { source, image, from, version, revision, site };
}

function factsOf({ engine }: SiteRelease): CompareData['facts'][number][] {
  const { parts, environment, commands = [] } = engine;
  const fact = (kind: FactKind, name: string, content: unknown) => ({
    kind,
    name,
    is: digestHex(digestOf(Buffer.from(canonicalJson(content)))).slice(0, 32),
  });
  return [
    ...parts.map((part) => fact('Parts', part.type, part)),
    ...environment.map((rule) => fact('Environment', rule.name, rule)),
    ...commands.map((command) => fact('Commands', command.name, command)),
  ];
}

/** Rows that are there once, by their place. */
class Table<T> {
  readonly rows: T[] = [];
  readonly #places = new Map<string, number>();

  place(row: T): number {
    const key = JSON.stringify(row);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.rows.push(row);
    this.#places.set(key, this.rows.length - 1);
    return this.rows.length - 1;
  }
}
