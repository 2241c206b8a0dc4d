import * as v from 'valibot';
import { commands, engine, environment, override, parts, requires, type source } from './schema-engine.js';
import { release, trust } from './schema-release.js';
import { filledText, flag, name, table, tableOf } from './schema-terms.js';

const mirror = table({
  location: filledText,
  insecure: v.optional(flag),
  'pull-from-mirror': v.optional(
    v.picklist(['all', 'digest-only', 'tag-only'], 'must be "all", "digest-only" or "tag-only"'),
  ),
});

/** A registry as containers-registries.conf(5) has it. */
const registry = table({
  prefix: v.optional(filledText),
  location: v.optional(filledText),
  insecure: v.optional(flag),
  blocked: v.optional(flag),
  'mirror-by-digest-only': v.optional(flag),
  mirror: v.optional(v.array(mirror, 'must be tables: write [[registry.mirror]]')),
});

/** The file format of a catalog, of the built-in one as of a user's and a project's. */
export const catalogSchema = table({
  default: v.optional(name),
  images: v.optional(filledText),
  'install-missing': v.optional(flag),
  parts: v.optional(tableOf(name, parts)),
  environments: v.optional(tableOf(name, environment)),
  commands: v.optional(tableOf(name, commands)),
  requirements: v.optional(tableOf(name, requires)),
  engines: v.optional(tableOf(v.string(), engine)),
  engine: v.optional(name),
  overrides: v.optional(tableOf(name, override)),
  release: v.optional(release),
  trust: v.optional(tableOf(name, trust)),
  registry: v.optional(
    v.array(
      registry,
      'must be tables: write [[registry]]. The place that images without a host are relative to is called "images"',
    ),
  ),
});

/** The file format of what a component says of itself. */
export const componentSchema = table({ requires: v.optional(requires) });

/** A catalog file, checked key by key. */
export type CatalogFile = v.InferOutput<typeof catalogSchema>;
/** A source in a catalog file. */
export type SourceFile = v.InferOutput<typeof source>;
/** What takes the place of a source, in a catalog file. */
export type OverrideFile = v.InferOutput<typeof override>;
/** A table of parts in a catalog file. */
export type PartsFile = v.InferOutput<typeof parts>;
/** A table of environment rules in a catalog file. */
export type EnvironmentFile = v.InferOutput<typeof environment>;
/** A table of commands in a catalog file. */
export type CommandsFile = v.InferOutput<typeof commands>;
/** A table of requirements in a catalog file, or in a component's. */
export type RequiresFile = v.InferOutput<typeof requires>;
/** How an engine is released, in a catalog file. */
export type ReleaseFile = v.InferOutput<typeof release>;
/** Whose signatures images must have, in a catalog file. */
export type TrustFile = v.InferOutput<typeof trust>;
/** An engine in a catalog file. */
export type EngineFile = v.InferOutput<typeof engine>;
