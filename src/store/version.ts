import { readFileSync } from 'node:fs';
import { EngineshedError, inOperation } from '../errors/index.js';
import { type StorePaths, storeVersion } from './paths.js';

/**
 * Checks that the store, where there is one, has a layout that this program knows.
 * @throws EngineshedError `STORE_VERSION`, `STORE_CORRUPT`
 */
export function checkStoreVersion(paths: StorePaths): void {
  let text: string;
  try {
    text = readFileSync(paths.version, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw inOperation('Opening the store', error);
  }
  const version = /^\{"version":(\d{1,9})\}\s*$/.exec(text)?.[1];
  if (version === undefined) {
    throw new EngineshedError('STORE_CORRUPT', `The file ${paths.version} is damaged`, {
      hint: `If ${paths.root} is an Engineshed store, write {"version":${storeVersion}} into that file.`,
      details: { path: paths.version },
    });
  }
  if (Number(version) === storeVersion) return;
  throw new EngineshedError(
    'STORE_VERSION',
    `The store ${paths.root} has the layout version ${version}; this program knows ${storeVersion}`,
    {
      hint: 'Use the Engineshed that wrote it, or set ENGINESHED_HOME to another directory.',
      details: { expected: storeVersion, actual: Number(version) },
    },
  );
}
