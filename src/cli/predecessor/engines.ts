import { EngineshedError, nearest } from '../../errors/index.js';
import type { IniSections } from './ini.js';

/** A source of an engine, as a catalog has it. */
export type ImportedSource = { readonly image: string } | { readonly directory: string };

/** An engine that the predecessor's file defines, in the words of a catalog. */
export interface ImportedEngine {
  readonly name: string;
  readonly description: string;
  readonly sources: Readonly<Record<string, ImportedSource>>;
  /** By type. */
  readonly parts: Readonly<Record<string, { readonly source: string; readonly path: string }>>;
}

/** What the predecessor's file says. */
export interface ImportedEngines {
  readonly engines: readonly ImportedEngine[];
  /** Registries, `HOST[:PORT]`, that are asked over http. */
  readonly insecure: readonly string[];
}

/** Part types by what the predecessor's file calls them. */
const partTypes: Readonly<Record<string, string>> = {
  engine: 'core-engine',
  'engine-plugin-aws': 'engine-plugin-aws',
  'engine-plugin-azure': 'engine-plugin-azure',
  'engine-plugin-cmdb': 'engine-plugin-cmdb',
  'executor-bash': 'executor-bash',
  wrapper: 'engine-wrapper',
  'bundled-wrapper': 'bundled-engine-wrapper',
};

/**
 * Reads the engines that hamlet's `engine.ini` defines: sections `engine:NAME`, `engine_source:NAME` and `engine_part:NAME`. Of two
 * parts of one type the last counts, as there.
 * @param absolute makes a path absolute, as the predecessor does: from the working directory
 * @throws EngineshedError `CONFIG_INVALID` with the section
 */
export function readEngines(sections: IniSections, absolute: (path: string) => string): ImportedEngines {
  const insecure = new Set<string>();
  const engines = namesOf(sections, 'engine').map((name): ImportedEngine => {
    const section = sectionOf(sections, 'engine', name, undefined);
    const sources = listOf(section.get('sources')).map((source) => [
      source,
      readSource(sections, source, `engine:${name}`, absolute, insecure),
    ]);
    const parts = listOf(section.get('parts')).map((part) => readPart(sections, part, name));
    const lost = parts.find(([, { source }]) => !sources.some(([known]) => known === source));
    if (lost !== undefined)
      throw fault(
        `engine:${name}`,
        `its part ${lost[0]} is in the source ${lost[1].source}, which it does not list`,
      );
    return {
      name,
      description: section.get('description')?.replace(/\s+/g, ' ') ?? '',
      sources: Object.fromEntries(sources) as ImportedEngine['sources'],
      parts: Object.fromEntries(parts),
    };
  });
  return { engines, insecure: [...insecure].sort() };
}

function readSource(
  sections: IniSections,
  name: string,
  from: string,
  absolute: (path: string) => string,
  insecure: Set<string>,
): ImportedSource {
  const section = sectionOf(sections, 'engine_source', name, from);
  const where = `engine_source:${name}`;
  const value = (key: string): string => section.get(key)?.trim() || missing(where, key);
  const type = value('type');
  if (type === 'local_dir') return { directory: absolute(value('local_dir_path')) };
  if (type !== 'container') throw fault(where, `type is "${type}", and there are local_dir and container`);
  const url = value('container_registry_url');
  const [, scheme, host] = /^(https?):\/\/([^/?#@\s]+)\/*$/.exec(url) ?? [];
  if (scheme === undefined || host === undefined)
    throw fault(where, `container_registry_url is "${url}", which is no https://HOST[:PORT]`);
  if (scheme === 'http') insecure.add(host);
  const tag = value('container_tag');
  return { image: `${host}/${value('container_repository')}${tag.includes(':') ? '@' : ':'}${tag}` };
}

function readPart(
  sections: IniSections,
  name: string,
  engine: string,
): [type: string, { source: string; path: string }] {
  const section = sectionOf(sections, 'engine_part', name, `engine:${engine}`);
  const where = `engine_part:${name}`;
  const type = section.get('type') ?? missing(where, 'type');
  const known = partTypes[type];
  if (known === undefined)
    throw fault(where, `type is "${type}", and there are ${Object.keys(partTypes).join(', ')}`);
  const source = section.get('source_name') ?? missing(where, 'source_name');
  const path = (section.get('source_path') ?? '').split('/').filter((part) => part !== '' && part !== '.');
  return [known, { source, path: path.join('/') || '.' }];
}

function namesOf(sections: IniSections, kind: string): string[] {
  return [...sections.keys()].flatMap((name) =>
    name.startsWith(`${kind}:`) ? [name.slice(kind.length + 1)] : [],
  );
}

function sectionOf(
  sections: IniSections,
  kind: string,
  name: string,
  from: string | undefined,
): ReadonlyMap<string, string> {
  const section = sections.get(`${kind}:${name}`);
  if (section !== undefined) return section;
  const near = nearest(name, namesOf(sections, kind));
  throw fault(from ?? kind, `there is no section [${kind}:${name}]`, near && `There is [${kind}:${near}].`);
}

function listOf(value: string | undefined): string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '');
}

function missing(section: string, key: string): never {
  throw fault(section, `${key} is missing`);
}

function fault(section: string, problem: string, hint?: string): EngineshedError {
  return new EngineshedError('CONFIG_INVALID', `[${section}]: ${problem}`, { hint });
}
