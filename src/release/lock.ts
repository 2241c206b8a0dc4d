import { basename } from 'node:path';
import {
  type EngineDefinition,
  type EngineLock,
  type LockedSource,
  type PartDefinition,
  parseLock,
  refuseDirectories,
  type SourceDefinition,
} from '../engine/index.js';
import { EngineshedError } from '../errors/index.js';
import { foldName } from '../layer/index.js';
import {
  annotationKeys,
  canonicalJson,
  type Manifest,
  parseReference,
  type Reference,
} from '../oci/index.js';
import type { ReleaseComponent } from './types.js';

/** The directory of a consolidated image that is no component's. */
export const releaseDirectory = '.engineshed';
/** The lock in a consolidated image, in {@link releaseDirectory}. */
export const releaseLockFile = 'engineshed.lock';

/**
 * The lock of an engine as it goes into a release: sources by name, and nothing of the machine that composes it.
 * @param name what the release's engine is called
 * @throws EngineshedError `USAGE` for an engine with a directory as a source; `CONTENT_UNPUBLISHABLE` for sources whose names some file
 * systems hold for the same: their directories would be one there
 */
export function releaseLock(lock: EngineLock, name: string): EngineLock {
  refuseDirectories(lock);
  refuseFolded(Object.keys(lock.sources));
  const sources = Object.entries(lock.sources)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, locked]) => [source, withoutMachine(locked)]);
  return { ...lock, name, catalog: name, sources: Object.fromEntries(sources) };
}

function refuseFolded(names: readonly string[]): void {
  const folded = new Map<string, string>();
  for (const name of names) {
    const other = folded.get(foldName(name));
    if (other !== undefined) {
      throw new EngineshedError(
        'CONTENT_UNPUBLISHABLE',
        `The sources "${other}" and "${name}" are the same name on macOS and Windows, and each is a directory of the release`,
        { hint: 'Give one of them another name in the engine of engineshed.toml.' },
      );
    }
    folded.set(foldName(name), name);
  }
}

/** What an index or a layout says of an image beside its content does not make another release. */
function withoutMachine(source: LockedSource): LockedSource {
  if (source.kind === 'directory') return source;
  const { kind, resolved, config, layers, annotations } = source;
  const { mediaType, digest, size } = source.manifest;
  const reference = kind === 'layout' ? withoutDirectory(source.reference) : source.reference;
  return { kind, reference, resolved, manifest: { mediaType, digest, size }, config, layers, annotations };
}

function withoutDirectory(text: string): string {
  const reference = parseReference(text);
  if (reference.transport === 'registry') return text;
  const { path } = reference;
  return `oci:${basename(path)}${text.slice(text.indexOf(path) + path.length)}`;
}

/** The text of a lock in an image: the same lock has the same text. */
export function formatReleaseLock(lock: EngineLock): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(lock)), null, 2)}\n`;
}

/**
 * What a consolidated image was composed from, by its annotation.
 * @param where names the image in errors
 * @throws EngineshedError `MANIFEST_INVALID` where it tells nothing or something malformed
 */
export function readReleaseLock(manifest: Manifest, where: string): EngineLock {
  const text = manifest.annotations?.[annotationKeys.releaseLock];
  if (text === undefined) {
    throw new EngineshedError(
      'MANIFEST_INVALID',
      `${where} is no release: it does not tell what it was composed from`,
      {
        hint: 'Releases are made with "engineshed release build".',
        details: { reference: where },
      },
    );
  }
  return parseLock(Buffer.from(text), `lock of ${where}`);
}

/**
 * The engine that a consolidated image is: one source, with each component in the directory of its name.
 * @param name the engine's name
 * @param reference where the image is
 */
export function releaseEngine(lock: EngineLock, name: string, reference: Reference): EngineDefinition {
  const base = releaseName(reference);
  const source: SourceDefinition =
    reference.transport === 'registry' ? { kind: 'image', reference } : { kind: 'layout', reference };
  return {
    name,
    description: lock.description,
    kind: 'custom',
    catalog: lock.catalog,
    sources: { [base]: source },
    parts: lock.parts.map((part) => ({ type: part.type, source: base, path: pathInRelease(part) })),
    environment: lock.environment,
    ...(lock.commands === undefined ? {} : { commands: lock.commands }),
    ...(lock.requires === undefined ? {} : { requires: lock.requires }),
  };
}

/** What the engine of a consolidated image is called, and its one source: the last component of the image's place. */
export function releaseName(reference: Reference): string {
  const place = reference.transport === 'registry' ? reference.repository : reference.path;
  return (
    basename(place)
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '') || 'release'
  );
}

function pathInRelease({ source, path }: PartDefinition): string {
  return path === '.' ? source : `${source}/${path}`;
}

/** The components of a release, by name. */
export function releaseComponents({ sources }: EngineLock): ReleaseComponent[] {
  return Object.entries(sources).flatMap(([source, locked]) => {
    if (locked.kind === 'directory') return [];
    const { manifest, reference, annotations } = locked;
    const { [annotationKeys.revision]: revision, [annotationKeys.version]: version } = annotations;
    return [{ source, manifest: manifest.digest, reference, revision, version }];
  });
}
