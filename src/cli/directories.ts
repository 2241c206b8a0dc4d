import { statSync } from 'node:fs';
import { fromSystemError } from '../errors/index.js';

/**
 * Tells whether a directory stands at a path.
 * @throws EngineshedError `FILE_PERMISSION`, `IO_FAILED` where that cannot be told
 */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(code)) return false;
    throw fromSystemError(error);
  }
}
