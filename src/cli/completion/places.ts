import { listEngines, matchTags } from '../../catalog/index.js';
import type { EngineDefinition } from '../../engine/index.js';
import { overridableSources } from '../../engine/replace.js';
import { formatReference, parseReference, type Reference } from '../../oci/index.js';
import { findSelection } from '../../shim/index.js';
import { readEngines, readHistory, recall, remember } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { openPaths, selectionInputs } from '../engines.js';
import type { Host } from '../host.js';
import { isOffline, openTargets } from '../runtime.js';

/** A word that can stand somewhere, and what it is. */
export interface Proposal {
  readonly word: string;
  readonly about?: string;
}

/** How long a registry may take before what was remembered has to do, in milliseconds. */
const registryMs = 1_000;
/** How long tags are taken from memory without asking, in milliseconds. */
const freshMs = 5 * 60 * 1000;
/** The most tags that are proposed. */
const maxTags = 1_000;

/** The installed engines. */
export function installedEngines(host: Host): Proposal[] {
  return readEngines(openPaths(host), () => {}).map(({ name, description }) => ({
    word: name,
    about: description || 'installed',
  }));
}

/** The engines of the catalogs, of families those that the registries have tags for, and the installed ones. */
export async function allEngines(host: Host): Promise<Proposal[]> {
  const catalogs = await openCatalogs(host, undefined);
  const { engines, families } = listEngines(catalogs);
  const members = await Promise.all(
    families.map(async (family) =>
      matchTags(family, await tagsOf(host, family.repository)).map((word) => ({
        word,
        about: family.description,
      })),
    ),
  );
  const named = engines.map(({ name, description }) => ({ word: name, about: description }));
  return distinct([...named, ...installedEngines(host), ...members.flat()]);
}

/** Images: repositories that the catalogs and the installed engines name and, after one, its tags. */
export async function images(host: Host, begun: string): Promise<Proposal[]> {
  const colon = begun.lastIndexOf(':');
  const repository = begun.slice(0, colon);
  if (colon > begun.lastIndexOf('/') && /[/:]/.test(repository)) {
    const tags = await tagsOf(host, parseReference(repository));
    return tags.map((tag) => ({ word: `${repository}:${tag}`, about: 'tag' }));
  }
  const catalogs = await openCatalogs(host, undefined);
  const definitions = listEngines(catalogs).engines.flatMap((engine) => Object.values(engine.sources));
  const installed = readEngines(openPaths(host), () => {}).flatMap((engine) => Object.values(engine.sources));
  const references = [
    ...definitions.flatMap((source) => (source.kind === 'directory' ? [] : [source.reference])),
    ...installed.flatMap((source) => (source.kind === 'directory' ? [] : [parseReference(source.reference)])),
  ];
  return distinct(
    references.map((reference) => ({
      word: `${formatReference(untagged(reference))}:`,
      about: 'repository',
    })),
  );
}

/** The registries that the catalogs name. */
export async function registries(host: Host): Promise<Proposal[]> {
  const found = await images(host, '');
  return distinct(
    found.flatMap(({ word }) => (word.startsWith('oci:') ? [] : [{ word: word.split('/')[0] ?? '' }])),
  );
}

/** The parts of the selected engine. */
export function parts(host: Host): Proposal[] {
  return selected(host)?.parts.map(({ type }) => ({ word: type, about: 'part' })) ?? [];
}

/** The names by which sources of the selected engine are replaced. */
export function sources(host: Host): Proposal[] {
  const engine = selected(host);
  return engine === undefined ? [] : overridableSources(engine).map((word) => ({ word, about: 'source' }));
}

/** What takes the place of a source: `SOURCE=`, then the tags of that source's repository. */
export async function replacements(host: Host, begun: string): Promise<Proposal[]> {
  const [name = '', rest] = begun.split('=');
  if (rest === undefined)
    return sources(host).map(({ word, about }) => ({ word: `${word}=`, about: about ?? '' }));
  const source = selected(host)?.sources[name];
  const own =
    source === undefined || source.kind === 'directory' ? undefined : parseReference(source.reference);
  const reference = own ?? (await publishedComponent(host, name));
  if (reference === undefined) return [];
  const tags = await tagsOf(host, untagged(reference));
  return tags.map((tag) => ({ word: `${name}=${tag}`, about: 'tag' }));
}

/** The generations that can be gone to, the latest first. */
export function generations(host: Host): Proposal[] {
  return readHistory(openPaths(host))
    .generations.map(({ number, change }) => ({ word: String(number), about: change }))
    .reverse();
}

async function publishedComponent(host: Host, name: string): Promise<Reference | undefined> {
  const catalogs = await openCatalogs(host, undefined);
  const found = listEngines(catalogs)
    .engines.map(({ sources }: EngineDefinition) => sources[name])
    .find((source) => source !== undefined && source.kind !== 'directory');
  return found?.reference;
}

function selected(host: Host) {
  const paths = openPaths(host);
  const name = findSelection(selectionInputs(host, paths))?.name;
  return readEngines(paths, () => {}).find((engine) => engine.name === name);
}

/** The tags of a repository: as they were a short time ago, else as the registry says at once, else as they were last. */
async function tagsOf(host: Host, reference: Reference): Promise<string[]> {
  const repository = formatReference(untagged(reference));
  const key = `tags ${repository}`;
  const paths = openPaths(host);
  const known = recall(paths, key, host.now());
  const remembered = Array.isArray(known?.value)
    ? known.value.filter((tag): tag is string => typeof tag === 'string')
    : [];
  const isRemote = reference.transport === 'registry';
  if (isRemote && ((known !== undefined && known.ageMs < freshMs) || isOffline(host, {}))) return remembered;
  const asked = await withinTime(askForTags(host, reference));
  if (asked === undefined) return remembered;
  if (isRemote) remember(paths, key, asked, host.now());
  return asked;
}

async function askForTags(host: Host, reference: Reference): Promise<string[]> {
  const targets = openTargets(host, await openCatalogs(host, undefined), {}, () => {});
  try {
    const tags: string[] = [];
    for await (const tag of targets.readable(reference).tags()) {
      tags.push(tag);
      if (tags.length === maxTags) break;
    }
    return tags;
  } finally {
    targets.close();
  }
}

/** Whoever pressed a key does not wait for a registry, and wants to know of no failure. */
async function withinTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), registryMs);
  });
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}

function untagged(reference: Reference): Reference {
  return { ...reference, tag: undefined, digest: undefined };
}

function distinct(proposals: readonly Proposal[]): Proposal[] {
  return [
    ...new Map([...proposals].reverse().map((proposal) => [proposal.word, proposal])).values(),
  ].reverse();
}
