import { readdirSync, readFileSync } from 'node:fs';
import { isEngineshedError } from '../errors/index.js';
import {
  annotationKeys,
  canonicalJson,
  type Descriptor,
  type Digest,
  digestOf,
  parseJson,
} from '../oci/index.js';
import { standsAsDirectory } from './directory.js';
import { isMarked } from './mark.js';

/** `layer.json`: what a layer says beside its files. */
export interface LayerRecord {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
  readonly entries: number;
  /** The content of the files, in bytes. */
  readonly bytes: number;
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
  /** The name of the directory that it was extracted into; layers of early stores do not tell it. */
  readonly name?: string;
  /** The digest of the list of its files, see `InventoryFile`; layers of early stores have none. */
  readonly inventory?: Digest;
}

/** A layer in the store. */
export interface StoredLayer extends LayerRecord {
  /** Its files, under the name that they were extracted to. */
  readonly root: string;
  readonly externalLinks: 'inert' | 'reject';
}

/**
 * Reads the layer that stands at `home`; undefined where none is, or one without its record or without files, or one that is known to
 * be damaged.
 * @throws EngineshedError `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export function readLayer(home: string): StoredLayer | undefined {
  const layer = readStandingLayer(home);
  return layer === undefined || isMarked(layer.root) ? undefined : layer;
}

/**
 * The same, whether it is known to be damaged or not.
 * @throws EngineshedError `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export function readStandingLayer(home: string): StoredLayer | undefined {
  if (!standsAsDirectory(home)) return undefined;
  const record = readLayerRecord(`${home}/layer.json`);
  if (record === undefined) return undefined;
  const names = layerNames(home);
  const name = record.name ?? names[0];
  if (name === undefined || !names.includes(name)) return undefined;
  return { ...record, root: `${home}/${name}`, externalLinks: consent(record.descriptor) };
}

/** The names under which the files of a layer, or of a tree, stand in its directory. */
export function layerNames(home: string): string[] {
  return readdirSync(home, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}

/** The text of `layer.json`, which has a digest of itself in it. */
export function formatLayer(record: LayerRecord): string {
  return canonicalJson({ ...record, sum: digestOf(canonicalJson(record)) });
}

/** Whether the publisher of a layer consents to links that lead out of it (A04). */
export function consent(layer: Descriptor): 'inert' | 'reject' {
  return layer.annotations?.[annotationKeys.externalLinks] === 'inert' ? 'inert' : 'reject';
}

/**
 * Reads a `layer.json`; undefined where there is none that is whole.
 * @throws NodeJS.ErrnoException
 */
export function readLayerRecord(path: string): LayerRecord | undefined {
  let read: (Partial<LayerRecord> & { readonly sum?: string }) | null;
  try {
    read = parseJson(readFileSync(path), `file ${path}`) as typeof read;
  } catch (error) {
    if (isEngineshedError(error, 'JSON_INVALID') || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return undefined;
    throw error;
  }
  const { sum, ...record } = read ?? {};
  const complete =
    Array.isArray(record.whiteouts) && Array.isArray(record.opaques) && record.descriptor !== undefined;
  // Early stores have neither sums nor inventories.
  const whole = sum === undefined ? record.inventory === undefined : sum === digestOf(canonicalJson(record));
  return complete && whole ? (record as LayerRecord) : undefined;
}
