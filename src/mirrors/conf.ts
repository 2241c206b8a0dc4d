import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { EngineshedError, fromSystemError, isEngineshedError } from '../errors/index.js';
import { mergeRules, type RegistryRule } from './rule.js';
import { readRule } from './table.js';

/** The most bytes that a file may have: 1 MiB. */
const maxFileBytes = 1024 * 1024;
/** The deepest nesting that a file may have. */
const maxDepth = 32;

const isTable = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const mirrorSchema = v.looseObject({
  location: v.optional(v.string()),
  insecure: v.optional(v.boolean()),
  'pull-from-mirror': v.optional(v.picklist(['all', 'digest-only', 'tag-only'])),
});
const fileSchema = v.looseObject({
  /** Version 1 of the format. */
  registries: v.optional(v.custom<object>(isTable)),
  registry: v.optional(
    v.array(
      v.looseObject({
        prefix: v.optional(v.string()),
        location: v.optional(v.string()),
        insecure: v.optional(v.boolean()),
        blocked: v.optional(v.boolean()),
        'mirror-by-digest-only': v.optional(v.boolean()),
        mirror: v.optional(v.array(mirrorSchema)),
      }),
    ),
  ),
});

/** What reading the machine's files needs to know. */
export interface RegistriesConfOptions {
  /** `CONTAINERS_REGISTRIES_CONF` is read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** What a relative path in that variable starts from. */
  readonly directory: string;
  /** Told of what cannot be used and is left out. */
  readonly warn: (message: string) => void;
}

/**
 * The rules that Podman, Skopeo and Buildah have on this machine (containers-registries.conf(5)):
 * `$CONTAINERS_REGISTRIES_CONF` alone where it is set; else `~/.config/containers/registries.conf`, or
 * `/etc/containers/registries.conf` where there is none, with the drop-ins `registries.conf.d/*.conf` of both directories
 * (the user's alone beside the user's file), in the order of their names. Of two rules with one prefix the later counts.
 * Search lists, aliases and unknown keys are no concern of ours; what our references cannot name, and files of version 1,
 * are left out with a warning.
 * @throws EngineshedError `CONFIG_INVALID` for a malformed file, `PATH_NOT_FOUND`, `FILE_PERMISSION`, `IO_FAILED`
 */
export function readRegistriesConf(options: RegistriesConfOptions): RegistryRule[] {
  return mergeRules(...filesOf(options).map((path) => readFile(path, options)));
}

function filesOf(options: RegistriesConfOptions): string[] {
  const { environment, home } = options;
  const chosen = environment.CONTAINERS_REGISTRIES_CONF;
  if (chosen) return [isAbsolute(chosen) ? chosen : resolve(options.directory, chosen)];
  const user = join(home, '.config', 'containers', 'registries.conf');
  const machine = '/etc/containers/registries.conf';
  if (isFile(user)) return [user, ...dropIns(user)];
  return [...(isFile(machine) ? [machine] : []), ...dropIns(machine), ...dropIns(user)];
}

function isFile(path: string): boolean {
  return found(path)?.isFile() === true;
}

function dropIns(path: string): string[] {
  const folder = `${path}.d`;
  if (!found(folder)?.isDirectory()) return [];
  const names = attempt(() => readdirSync(folder)).filter((name) => name.endsWith('.conf'));
  return names
    .sort()
    .map((name) => join(folder, name))
    .filter(isFile);
}

function found(path: string) {
  return attempt(() => statSync(path, { throwIfNoEntry: false }));
}

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error);
  }
}

function readFile(path: string, { warn }: RegistriesConfOptions): RegistryRule[] {
  const { registries, registry = [] } = check(parse(readText(path), path), path);
  if (registries !== undefined) {
    warn(`${path} has the old format (version 1), which is not read; see containers-registries.conf(5)`);
    return [];
  }
  return registry.flatMap((table, at) => {
    try {
      return [readRule(table, path, (keys, problem) => invalid(path, formatKeys(at, keys), problem))];
    } catch (error) {
      if (!isEngineshedError(error, 'CONFIG_INVALID')) throw error;
      if (table.blocked) throw error;
      warn(`${error.message}; this [[registry]] is left out`);
      return [];
    }
  });
}

function readText(path: string): string {
  if (attempt(() => statSync(path)).size > maxFileBytes)
    throw invalid(path, '', `it may have ${maxFileBytes} bytes, and has more`);
  return attempt(() => readFileSync(path, 'utf8'));
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    return parseToml(text, { maxDepth, unsafeKeyBehaviour: 'throw' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ''] = error.message.split('\n');
    throw invalid(`${path}:${error.line}:${error.column}`, '', first);
  }
}

function check(toml: Record<string, unknown>, path: string): v.InferOutput<typeof fileSchema> {
  const result = v.safeParse(fileSchema, toml, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(path, (issue.path ?? []).map(({ key }) => String(key)).join('.'), issue.message);
}

function formatKeys(at: number, keys: readonly string[]): string {
  return ['registry', String(at), ...keys].join('.');
}

function invalid(where: string, key: string, problem: string): EngineshedError {
  return new EngineshedError('CONFIG_INVALID', `${where}: ${key === '' ? '' : `${key}: `}${problem}`, {
    hint: 'See containers-registries.conf(5). CONTAINERS_REGISTRIES_CONF can name another file.',
    details: { path: where },
  });
}
