import { stat } from 'node:fs/promises';

/** Tells whether a directory stands at a path. */
export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
