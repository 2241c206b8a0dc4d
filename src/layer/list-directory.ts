import { type Dirent, readdirSync } from 'node:fs';
import { decodeName } from '../tar/names.js';

/** What stands in a directory. */
export interface ListedEntry {
  /** As `decodeName` gives it. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
}

/** Lists a directory in no promised order; links are not followed. Throws what `readdir` throws. */
export function listDirectory(path: string | Buffer): ListedEntry[] {
  const entries = readdirSync(path, {
    withFileTypes: true,
    encoding: 'buffer',
  }) as unknown as Dirent<Buffer>[];
  return entries.map((entry) => ({ name: decodeName(entry.name), kind: kindOf(entry) }));
}

function kindOf(entry: Dirent<Buffer>): ListedEntry['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}
