import type { ImportedEngine, ImportedEngines, ImportedSource } from './engines.js';

/** What hamlet's own engines share, in the built-in catalog. */
const shared = 'hamlet';

/** The tables of a catalog for engines, and for the registries that are asked over http. */
export function formatEngines({ engines, insecure }: ImportedEngines): string {
  return [...engines.map(formatEngine), ...insecure.map(formatRegistry)].join('\n');
}

function formatEngine({ name, description, sources, parts }: ImportedEngine): string {
  const lines = [`[engines.${key(name)}]`];
  if (description !== '') lines.push(`description = ${text(description)}`);
  lines.push(`environment = ${text(shared)}`);
  for (const [source, place] of Object.entries(sources))
    lines.push(`sources.${key(source)} = ${formatSource(place)}`);
  for (const [type, { source, path }] of Object.entries(parts)) {
    const where = path === '.' ? '' : `, path = ${text(path)}`;
    lines.push(`parts.${key(type)} = { source = ${text(source)}${where} }`);
  }
  return `${lines.join('\n')}\n`;
}

function formatSource(source: ImportedSource): string {
  return 'image' in source
    ? `{ image = ${text(source.image)} }`
    : `{ directory = ${text(source.directory)} }`;
}

function formatRegistry(host: string): string {
  return `[[registry]]\nprefix = ${text(host)}\ninsecure = true\n`;
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : text(name);
}

/** JSON's strings are TOML's basic ones, but for DEL. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}
