import { readdirSync, readFileSync } from 'node:fs';
import { isEngineshedError } from '../errors/index.js';
import { annotationKeys, type Descriptor, type Digest, parseJson } from '../oci/index.js';
import { standsAsDirectory } from './directory.js';

/** `layer.json`: what a layer says beside its files. */
export interface LayerRecord {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
  readonly entries: number;
  /** The content of the files, in bytes. */
  readonly bytes: number;
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
}

/** A layer in the store. */
export interface StoredLayer extends LayerRecord {
  /** Its files, under whichever name it has them. */
  readonly root: string;
  readonly externalLinks: 'inert' | 'reject';
}

/**
 * Reads the layer that stands at `home`; undefined where none is, or one without its record or without files.
 * @throws EngineshedError `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export function readLayer(home: string): StoredLayer | undefined {
  if (!standsAsDirectory(home)) return undefined;
  const files = readdirSync(home, { withFileTypes: true }).find((entry) => entry.isDirectory());
  const record = readRecord(`${home}/layer.json`);
  if (files === undefined || record === undefined) return undefined;
  return { ...record, root: `${home}/${files.name}`, externalLinks: consent(record.descriptor) };
}

/** Whether the publisher of a layer consents to links that lead out of it (A04). */
export function consent(layer: Descriptor): 'inert' | 'reject' {
  return layer.annotations?.[annotationKeys.externalLinks] === 'inert' ? 'inert' : 'reject';
}

function readRecord(path: string): LayerRecord | undefined {
  let record: Partial<LayerRecord> | null;
  try {
    record = parseJson(readFileSync(path), `file ${path}`) as Partial<LayerRecord> | null;
  } catch (error) {
    if (isEngineshedError(error, 'JSON_INVALID') || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return undefined;
    throw error;
  }
  const complete =
    Array.isArray(record?.whiteouts) && Array.isArray(record.opaques) && record.descriptor !== undefined;
  return complete ? (record as LayerRecord) : undefined;
}
