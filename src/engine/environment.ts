import { EngineshedError } from '../errors/index.js';
import type { EngineDefinition, EngineEnvironment, EnvironmentRule, PartDefinition } from './types.js';

/**
 * The environment that an engine's executor reads, by the rules of its definition or lock. Pure.
 * @param engine its parts and rules
 * @param partPath the absolute path of a part's directory on this machine
 * @param platform a `process.platform` name, for paths that differ by platform
 * @returns what to set, in the order of the rules, and every other variable of the rules to unset: one whose part the
 *   engine lacks, or whose path names no such platform
 * @throws EngineshedError `CONFIG_INVALID` where the path of a part has the separator of a list in it
 */
export function engineEnvironment(
  engine: Pick<EngineDefinition, 'parts' | 'environment'>,
  partPath: (part: PartDefinition) => string,
  platform: string,
): EngineEnvironment {
  const parts = new Map(engine.parts.map((part) => [part.type, part]));
  const pathOf = (type: string): string | undefined => {
    const part = parts.get(type);
    return part === undefined ? undefined : partPath(part);
  };
  const set: [string, string][] = [];
  const unset: string[] = [];
  for (const rule of engine.environment) {
    const value = ruleValue(rule, pathOf, platform);
    if (value === undefined) unset.push(rule.name);
    else set.push([rule.name, value]);
  }
  return { set: Object.fromEntries(set), unset };
}

function ruleValue(
  rule: EnvironmentRule,
  pathOf: (type: string) => string | undefined,
  platform: string,
): string | undefined {
  switch (rule.kind) {
    case 'value':
      return rule.value;
    case 'part': {
      const base = pathOf(rule.part);
      return base === undefined ? undefined : pathInside(base, rule.path, platform);
    }
    case 'parts': {
      const paths = rule.parts.map(pathOf).filter((path) => path !== undefined);
      return paths.length === 0 ? undefined : join(rule.name, paths, rule.separator);
    }
    case 'has-part':
      return pathOf(rule.part) === undefined ? rule.no : rule.yes;
  }
}

/**
 * The path of something inside a directory.
 * @param path with `/`, or one for each platform; the directory itself where it is undefined or `.`
 * @param platform a `process.platform` name
 * @returns undefined where there is none for the platform
 */
export function pathInside(
  base: string,
  path: string | Readonly<Record<string, string>> | undefined,
  platform: string,
): string | undefined {
  if (path === undefined) return base;
  if (typeof path === 'string') return path === '.' ? base : `${base}/${path}`;
  return Object.hasOwn(path, platform) ? pathInside(base, path[platform], platform) : undefined;
}

function join(name: string, paths: readonly string[], separator: string): string {
  const torn = paths.find((path) => path.includes(separator));
  if (torn === undefined) return paths.join(separator);
  throw new EngineshedError(
    'CONFIG_INVALID',
    `${name} cannot be set: it joins paths with "${separator}", and ${torn} has that in it`,
    { hint: `Use a directory without "${separator}" in its path.`, details: { path: torn } },
  );
}
