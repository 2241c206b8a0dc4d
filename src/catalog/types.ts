import type {
  CommandDefinition,
  EngineDefinition,
  EngineKind,
  EnvironmentRule,
  PartDefinition,
  SourceDefinition,
} from '../engine/types.js';
import type { RegistryRule } from '../mirrors/index.js';
import type { Digest, LayoutReference, RegistryReference } from '../oci/index.js';
import type { Requirement } from '../requirements/types.js';
import type { TrustPolicy } from '../trust/policy.js';
import type { CatalogText } from './fault.js';
import type { NamePattern } from './pattern.js';

/** Where a catalog's text came from. */
export interface CatalogOrigin {
  /** What the catalog is called: its path, or a name for one that is built in. */
  readonly name: string;
  /** The absolute directory that relative paths in it start from. */
  readonly baseDirectory: string;
}

/** A source as a catalog says it: `tag` may have the placeholder of the engine's name. */
export type SourceTemplate =
  | {
      readonly kind: 'image';
      readonly registry: string;
      readonly repository: string;
      readonly tag?: string | undefined;
      readonly digest?: Digest | undefined;
    }
  | {
      readonly kind: 'layout';
      readonly path: string;
      readonly tag?: string | undefined;
      readonly digest?: Digest | undefined;
    }
  | { readonly kind: 'directory'; readonly path: string };

/** A part as a catalog says it. */
export interface PartTemplate extends PartDefinition {
  /** The semver range of engine versions that have the part; an engine without a version is newer than every version. */
  readonly versions?: string | undefined;
}

/** A table of its own, or the name of a shared one. */
export type OwnOrShared<T> = { readonly own: readonly T[] } | { readonly shared: string };

/** An engine, or a family of engines, as one catalog says it; what it shares or extends is not looked up yet. */
export interface CatalogEngine {
  readonly pattern: NamePattern;
  readonly kind: EngineKind;
  /** The engine that it is like but for what it says itself: a name, or the pattern of a family. */
  readonly extends: string | undefined;
  readonly description: string | undefined;
  readonly sources: Readonly<Record<string, SourceTemplate>>;
  /** Undefined where nothing is said of them. */
  readonly parts: OwnOrShared<PartTemplate> | undefined;
  readonly environment: OwnOrShared<EnvironmentRule> | undefined;
  readonly commands: OwnOrShared<CommandDefinition> | undefined;
  readonly requires: OwnOrShared<Requirement> | undefined;
}

/** What takes the place of a source: a whole source, or another version of what the source is. */
export type SourceOverride =
  | SourceDefinition
  /** This tag or digest, at least one of them, in the repository or image layout that the source has now. */
  | {
      readonly kind: 'version';
      readonly tag?: string | undefined;
      readonly digest?: Digest | undefined;
    };

/** The engine that a project is for. */
export interface ProjectPin {
  /** Its name. */
  readonly engine: string;
  /** What takes the place of sources of it, by the name of the source, in the file's order. */
  readonly overrides: ReadonlyMap<string, SourceOverride>;
}

/** A channel of releases. */
export interface ReleaseChannel {
  readonly name: string;
  /** The tag that moves. */
  readonly tag: string;
  /** The tags that never do, one for each promotion: `{version}`, `schedule-{date}`. */
  readonly versions: NamePattern | undefined;
  /** How long a signed statement that the channel is where it is counts, in milliseconds; undefined for ever. */
  readonly validMs: number | undefined;
}

/** A test that a release has to pass. */
export interface ReleaseTest {
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Whether no other test may run at the same time. */
  readonly alone: boolean;
}

/** How an engine is released. */
export interface ReleaseSettings {
  /** The engine whose components a release is composed of. */
  readonly engine: string;
  /** Where releases are, without tag and digest. */
  readonly image: RegistryReference | LayoutReference;
  /** By name, in the file's order. */
  readonly channels: ReadonlyMap<string, ReleaseChannel>;
  readonly tests: readonly ReleaseTest[];
  /** The absolute directory of the file, which tests run in. */
  readonly directory: string;
}

/** One catalog, parsed. */
export interface Catalog {
  readonly origin: CatalogOrigin;
  /** The engine that is meant where none is named. */
  readonly defaultEngine: string | undefined;
  /** What relative images are relative to, `host[:port][/path]`. */
  readonly images: string | undefined;
  /** Whether an engine that is needed may be installed; only a user's file says. */
  readonly installMissing: boolean | undefined;
  /** Only a project's file has one. */
  readonly pin: ProjectPin | undefined;
  readonly parts: ReadonlyMap<string, readonly PartTemplate[]>;
  readonly environments: ReadonlyMap<string, readonly EnvironmentRule[]>;
  readonly commands: ReadonlyMap<string, readonly CommandDefinition[]>;
  readonly requirements: ReadonlyMap<string, readonly Requirement[]>;
  /** By name, or by pattern for a family, in the catalog's order. */
  readonly engines: ReadonlyMap<string, CatalogEngine>;
  /** Its `[[registry]]` tables. */
  readonly registries: readonly RegistryRule[];
  readonly release: ReleaseSettings | undefined;
  /** Its `[trust.NAME]` tables. */
  readonly policies: readonly TrustPolicy[];
  /** The text, to find the line of a fault. */
  readonly text: string;
}

/** An engine or family of the merged catalogs: complete, with the registries that were asked for. */
export interface CatalogEntry {
  /** The engine's name, or the family's pattern, for instance `tram-{date}`. */
  readonly name: string;
  readonly pattern: NamePattern;
  readonly kind: EngineKind;
  readonly description: string;
  readonly catalog: string;
  /**
   * The engines that it extends, here or in an earlier catalog, the nearest first; one of a family has the family's placeholder where this
   * entry has it.
   */
  readonly bases: readonly string[];
  /** The sources that it has in earlier catalogs: policies look at them, too. */
  readonly replaced: readonly SourceTemplate[];
  readonly sources: Readonly<Record<string, SourceTemplate>>;
  readonly parts: readonly PartTemplate[];
  readonly environment: readonly EnvironmentRule[];
  readonly commands: readonly CommandDefinition[];
  readonly requires: readonly Requirement[];
}

/** All catalogs together. */
export interface Catalogs {
  /** The engine that is meant where none is named. */
  readonly defaultEngine: string | undefined;
  /** Engines and families by name or pattern, in the order of the catalogs. */
  readonly entries: ReadonlyMap<string, CatalogEntry>;
  /** One for each prefix: where images are read from and written to. */
  readonly registries: readonly RegistryRule[];
  /** Whether an engine that is needed may be installed; undefined where the user does not say. */
  readonly installMissing: boolean | undefined;
  /** The engine that the project is for, and the file that says so. */
  readonly pin: (ProjectPin & { readonly file: CatalogText }) | undefined;
  /** How an engine is released, by the last catalog that tells. */
  readonly release: ReleaseSettings | undefined;
  /** The policies of all catalogs: each holds, whatever another says. */
  readonly policies: readonly TrustPolicy[];
}

/** A family of engines whose names differ in a date or a version. */
export interface EngineFamily {
  /** The pattern of the names, for instance `tram-{date}`. */
  readonly pattern: string;
  readonly kind: EngineKind;
  readonly description: string;
  readonly catalog: string;
  /** The repository whose tags tell which engines of the family there are, without a tag. */
  readonly repository: RegistryReference | LayoutReference;
  /** What such a tag looks like, for instance `schedule-{date}`. */
  readonly tagPattern: string;
}

/** What catalogs offer without asking a registry. */
export interface EngineListing {
  /** The engines with a fixed name. */
  readonly engines: readonly EngineDefinition[];
  /** The families, whose members a registry's tags tell. */
  readonly families: readonly EngineFamily[];
}
