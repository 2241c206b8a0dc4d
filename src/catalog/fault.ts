import { EngineshedError } from '../errors/index.js';
import { lineOfKey } from './locate.js';

/** A catalog's text and what it is called in messages. */
export interface CatalogText {
  readonly name: string;
  readonly text: string;
}

/** What else is known about a fault. */
export interface FaultOptions {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A `CONFIG_INVALID` error about one key of a catalog, with file and line before it.
 * @param path the keys from the top; none where the whole file is meant
 */
export function catalogFault(
  source: CatalogText,
  path: readonly string[],
  problem: string,
  options: FaultOptions = {},
): EngineshedError {
  const line = path.length === 0 ? undefined : lineOfKey(source.text, path);
  const where = line === undefined ? source.name : `${source.name}:${line}`;
  const key = path.length === 0 ? '' : `${formatKey(path)}: `;
  return new EngineshedError('CONFIG_INVALID', `${where}: ${key}${problem}`, {
    ...options,
    details: { path: source.name },
  });
}

/** Keys as TOML writes them, joined by dots. */
function formatKey(path: readonly string[]): string {
  return path.map((key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))).join('.');
}
