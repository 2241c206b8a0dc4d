import type { PartDefinition } from './types.js';

/** An engine, before or after resolving, whose sources can be replaced. */
interface Replaceable<Source> {
  readonly sources: Readonly<Record<string, Source>>;
  readonly parts: readonly PartDefinition[];
}

/**
 * Where a component is in an engine: it is a source of its own, or parts of the engine are at the path `NAME` or `NAME/…` of a
 * source, as in a consolidated image, which has every component in a directory. Undefined where it is nowhere.
 */
export function findComponent(
  { sources, parts }: Replaceable<unknown>,
  name: string,
): 'source' | 'path' | undefined {
  if (Object.hasOwn(sources, name)) return 'source';
  return parts.some((part) => isInComponent(part, name)) ? 'path' : undefined;
}

/**
 * The engine with another source in the place of a component that it has: a source of that name takes its place, and the parts
 * stay; else the source is added, and the parts of the component are taken from it, at what is left of their path.
 */
export function replaceComponent<Source, Engine extends Replaceable<Source>>(
  engine: Engine,
  name: string,
  source: Source,
): Engine {
  const isOwn = findComponent(engine, name) === 'source';
  return {
    ...engine,
    sources: { ...engine.sources, [name]: source },
    parts: isOwn ? engine.parts : engine.parts.map((part) => takenFrom(part, name)),
  };
}

/** The names that can be replaced: the engine's sources, then the components inside them, each once. */
export function overridableSources({ sources, parts }: Replaceable<unknown>): string[] {
  const inside = parts.filter((part) => part.path !== '.').map((part) => part.path.split('/')[0] ?? '');
  return [...new Set([...Object.keys(sources), ...inside])];
}

/** Tells whether a part lies in a component, by its path. */
export function isInComponent({ path }: PartDefinition, name: string): boolean {
  return path === name || path.startsWith(`${name}/`);
}

/** A part of a component as it is in that component itself; other parts as they are. */
export function takenFrom(part: PartDefinition, name: string): PartDefinition {
  if (!isInComponent(part, name)) return part;
  return { ...part, source: name, path: part.path === name ? '.' : part.path.slice(name.length + 1) };
}
