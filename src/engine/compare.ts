import { canonicalJson, type Digest, digestHex } from '../oci/index.js';
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

function versionOf(source: LockedSource): SourceVersion {
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

/** How sites show what is between two commits. */
const sites: readonly { readonly host: RegExp; readonly path: (from: string, to: string) => string }[] = [
  { host: /^(?:github\.com|codeberg\.org|gitea\.com)$/, path: (from, to) => `compare/${from}...${to}` },
  { host: /^gitlab\./, path: (from, to) => `-/compare/${from}...${to}` },
  { host: /^bitbucket\.org$/, path: (from, to) => `branches/compare/${to}%0D${from}` },
];

function compareLink(before: SourceVersion, after: SourceVersion): string | null {
  const [from, to] = [before.revision, after.revision];
  const repository = webAddress(after.repository);
  if (repository === null || webAddress(before.repository) !== repository || from === to) return null;
  if (from === null || to === null || ![from, to].every((revision) => /^[0-9a-f]{7,64}$/.test(revision)))
    return null;
  const site = sites.find(({ host }) => host.test(new URL(repository).hostname));
  return site === undefined ? null : `${repository}/${site.path(from, to)}`;
}

/** The address of a repository for a browser, of the forms that git knows; null where it has none. */
function webAddress(repository: string | null): string | null {
  const match =
    /^(?:git\+)?(?:https?:\/\/|ssh:\/\/|git:\/\/)?(?:[^@/\s]+@)?([a-z0-9.-]+)(?::\d+\/|[:/])([\w./~-]+?)(?:\.git)?\/?$/i.exec(
      repository ?? '',
    );
  const [, host = '', path = ''] = match ?? [];
  if (match === null || path.split('/').some((part) => ['', '.', '..'].includes(part))) return null;
  const address = `https://${host.toLowerCase()}/${path}`;
  return URL.canParse(address) ? address : null;
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
