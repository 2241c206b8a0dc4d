import { basename } from 'node:path';
import type { Reference } from '../oci/index.js';

/**
 * What statements call the place of an image: `HOST/PATH`, whatever mirror it comes by; `oci:DIRECTORY` for what lies on a disk, by the
 * last component of its path, for the rest is another on every machine.
 */
export function repositoryName(reference: Reference): string {
  return reference.transport === 'registry'
    ? `${reference.registry}/${reference.repository}`
    : `oci:${basename(reference.path)}`;
}

/** Where an image is on this machine; the path of what lies on a disk must be absolute. */
export function placeName(reference: Reference): string {
  return reference.transport === 'registry' ? repositoryName(reference) : `oci:${reference.path}`;
}
