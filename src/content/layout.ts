import { readdirSync, rmSync, statSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { EngineshedError, inOperation } from '../errors/index.js';
import {
  isAlive,
  makeDurableDirectories,
  type Owner,
  ownedName,
  parseOwnedName,
  replaceFile,
  sweepLock,
} from '../files/index.js';
import { parseJson } from '../oci/index.js';
import { readLayoutFile } from './layout-file.js';
import { lockDirectory } from './layout-index.js';
import { type Layout, layoutTarget } from './layout-target.js';

const layoutVersion = '1.0.0';
/** The most bytes of the file that marks a layout. */
const maxMarkerBytes = 4096;
const temporaryPrefix = '.engineshed-new-';

/**
 * Opens an OCI image layout for reading.
 * @param owner this process, for locks and temporary files, should it be written to
 * @throws EngineshedError `PATH_NOT_FOUND`, `LAYOUT_INVALID`
 */
export function openLayout(path: string, owner: Owner): Layout {
  const directory = resolvePath(path);
  const label = `oci:${path}`;
  let marker: Buffer;
  try {
    marker = readLayoutFile(`${directory}/oci-layout`, maxMarkerBytes, `${path}/oci-layout`);
  } catch (cause) {
    const there = statSync(directory, { throwIfNoEntry: false }) !== undefined;
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw inOperation(`Opening ${label}`, cause);
    throw there
      ? new EngineshedError(
          'LAYOUT_INVALID',
          `${path} is not an OCI image layout: it has no file "oci-layout"`,
          { cause },
        )
      : new EngineshedError('PATH_NOT_FOUND', `There is no OCI image layout at ${path}`, {
          cause,
          details: { path },
        });
  }
  const version = (parseJson(marker, `file ${path}/oci-layout`) as { imageLayoutVersion?: unknown } | null)
    ?.imageLayoutVersion;
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    throw new EngineshedError(
      'LAYOUT_INVALID',
      `${path} is an image layout of version ${JSON.stringify(version)}; 1 is supported`,
    );
  }
  return layoutTarget({ directory, label, owner, temporaryFile: () => newTemporaryFile(directory, owner) });
}

/**
 * Opens an OCI image layout for writing, and makes an empty one where there is none.
 * @throws EngineshedError `LAYOUT_INVALID`, `FILE_PERMISSION`, `DISK_FULL`
 */
export function createLayout(path: string, owner: Owner): Layout {
  const directory = resolvePath(path);
  try {
    makeDurableDirectories(directory);
    if (statSync(`${directory}/oci-layout`, { throwIfNoEntry: false }) === undefined) {
      refuseOtherContent(directory, path);
      makeDurableDirectories(`${directory}/blobs/sha256`);
      const marker = JSON.stringify({ imageLayoutVersion: layoutVersion });
      replaceFile(`${directory}/oci-layout`, marker, newTemporaryFile(directory, owner));
    }
    sweep(directory);
  } catch (error) {
    throw inOperation(`Opening oci:${path} for writing`, error);
  }
  return openLayout(path, owner);
}

/** What an earlier writer may have left of an unfinished layout is no other content. */
function refuseOtherContent(directory: string, path: string): void {
  const others = readdirSync(directory).filter((name) => name !== 'blobs' && !name.startsWith('.'));
  if (others.length === 0) return;
  throw new EngineshedError('LAYOUT_INVALID', `${path} is not empty and not an OCI image layout`, {
    hint: 'Name an empty or new directory.',
    details: { path },
  });
}

function newTemporaryFile(directory: string, owner: Owner): string {
  return `${directory}/${temporaryPrefix}${ownedName(owner)}`;
}

/** Removes what dead writers left. */
function sweep(directory: string): void {
  sweepLock(`${directory}/${lockDirectory}`, Date.now);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(temporaryPrefix)) continue;
    const owner = parseOwnedName(name.slice(temporaryPrefix.length));
    if (owner !== undefined && !isAlive(owner, `${directory}/${name}`, Date.now))
      rmSync(`${directory}/${name}`, { force: true });
  }
}
