import { canonicalJson, type Digest, digestHex } from '../oci/index.js';
import { isRevision, sourceSite } from './source-site.js';
import type { EngineLock, LockedSource } from './types.js';

/** What is compared of two engines. */
export type ComparedEngine = Pick<EngineLock, 'sources' | 'parts' | 'environment' | 'commands'>;

/** What a source was at one time. */
export interface SourceVersion {
  /** The reference that was asked for, or the directory. */
  readonly from: string;
  /** What it stood for; null for a directory. */
  readonly digest: Digest | null;
  /** What the image says of itself by its standard annotations; null where it says nothing. */
  readonly version: string | null;
  readonly revision: string | null;
  readonly created: string | null;
  readonly repository: string | null;
}

/** One source of two engines. */
export interface SourceChange {
  readonly source: string;
  readonly change: 'added' | 'removed' | 'changed' | 'same';
  /** Null where the source was added. */
  readonly before: SourceVersion | null;
  /** Null where the source was removed. */
  readonly after: SourceVersion | null;
  /** Where the commits between both can be seen, for repositories on sites that are known. */
  readonly compare: string | null;
}

/** Something else that differs: a part, a variable, a command. */
export interface ContentChange {
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
}

/** How two engines differ. */
export interface EngineComparison {
  /** All sources, by name. */
  readonly sources: readonly SourceChange[];
  readonly parts: readonly ContentChange[];
  readonly environment: readonly ContentChange[];
  readonly commands: readonly ContentChange[];
}

/** Compares two engines: their sources by content, their parts, variables and commands by what is said of them. */
export function compareEngines(before: ComparedEngine, after: ComparedEngine): EngineComparison {
  const names = [...new Set([...Object.keys(before.sources), ...Object.keys(after.sources)])].sort();
  return {
    sources: names.map((name) => compareSource(name, before.sources[name], after.sources[name])),
    parts: compareEntries(before.parts, after.parts, (part) => part.type),
    environment: compareEntries(before.environment, after.environment, (rule) => rule.name),
    commands: compareEntries(before.commands ?? [], after.commands ?? [], (command) => command.name),
  };
}

/** Nothing, to compare with what is there for the first time. */
export const noEngine: ComparedEngine = { sources: {}, parts: [], environment: [] };

/** A version of a source in few words: its version or revision where it says one, else its digest. */
export function shortVersion(version: SourceVersion | null): string {
  if (version === null) return '-';
  const { digest, revision } = version;
  if (digest === null) return version.from;
  const named = [version.version, revision === null ? null : revision.slice(0, 10)].filter(
    (text) => text !== null,
  );
  return [...named, digestHex(digest).slice(0, 12)].join(' ');
}

function compareSource(
  source: string,
  before: LockedSource | undefined,
  after: LockedSource | undefined,
): SourceChange {
  const [old, now] = [before, after].map((locked) => (locked === undefined ? null : versionOf(locked)));
  const change =
    before === undefined
      ? 'added'
      : after === undefined
        ? 'removed'
        : isSameContent(before, after)
          ? 'same'
          : 'changed';
  return {
    source,
    change,
    before: old ?? null,
    after: now ?? null,
    compare: change === 'changed' && old && now ? compareLink(old, now) : null,
  };
}

function isSameContent(before: LockedSource, after: LockedSource): boolean {
  if (before.kind === 'directory' || after.kind === 'directory')
    return before.kind === after.kind && versionOf(before).from === versionOf(after).from;
  return before.resolved === after.resolved || before.manifest.digest === after.manifest.digest;
}

/** What a source is, in a few words of its image. */
export function versionOf(source: LockedSource): SourceVersion {
  if (source.kind === 'directory')
    return {
      from: source.path,
      digest: null,
      version: null,
      revision: null,
      created: null,
      repository: null,
    };
  const says = (key: string) => source.annotations[`org.opencontainers.image.${key}`] ?? null;
  return {
    from: source.reference,
    digest: source.resolved,
    version: says('version'),
    revision: says('revision'),
    created: says('created'),
    repository: says('source'),
  };
}

function compareLink(before: SourceVersion, after: SourceVersion): string | null {
  const [site, other] = [sourceSite(after.repository), sourceSite(before.repository)];
  const [from, to] = [before.revision, after.revision];
  if (site === null || site.address !== other?.address || from === to) return null;
  if (from === null || to === null || ![from, to].every(isRevision)) return null;
  return site.compare.replace('{from}', from).replace('{to}', to);
}

function compareEntries<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (entry: T) => string,
): ContentChange[] {
  const old = new Map(before.map((entry) => [keyOf(entry), canonicalJson(entry)]));
  const now = new Map(after.map((entry) => [keyOf(entry), canonicalJson(entry)]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name): ContentChange[] => {
    if (!old.has(name)) return [{ name, change: 'added' }];
    if (!now.has(name)) return [{ name, change: 'removed' }];
    return old.get(name) === now.get(name) ? [] : [{ name, change: 'changed' }];
  });
}
