import { resolve } from 'node:path';
import { type Catalogs, definitionForReference, findEngine } from '../catalog/index.js';
import type { EngineDefinition } from '../engine/index.js';
import { EngineshedError } from '../errors/index.js';
import {
  formatPlatform,
  nodePlatform,
  parsePlatform,
  type Reference,
  type WantedPlatform,
} from '../oci/index.js';
import type { Host } from './host.js';
import { parseImage } from './references.js';

/** The platform of `--platform`, where it is not this machine's. */
export function otherPlatform(host: Host, flags: { readonly platform?: string }): WantedPlatform | undefined {
  if (flags.platform === undefined) return undefined;
  const wanted = parsePlatform(flags.platform);
  const own = formatPlatform(nodePlatform(host.platform, host.architecture));
  return formatPlatform(wanted) === own ? undefined : wanted;
}

/**
 * The definition of the engine, or of the image, that a command names; of the default engine where it names none.
 * @throws EngineshedError `USAGE`, `ENGINE_UNKNOWN`, `REFERENCE_INVALID`, `NAME_INVALID`
 */
export function define(
  host: Host,
  catalogs: Catalogs,
  flags: { readonly name?: string },
  asked: string | undefined,
): EngineDefinition {
  const wanted = asked ?? catalogs.defaultEngine;
  if (wanted === undefined) {
    throw new EngineshedError('USAGE', 'No engine was named and no catalog has a default', {
      hint: 'Name one of those that "engineshed available" lists.',
    });
  }
  // A name has neither.
  if (/[/:]/.test(wanted)) {
    return definitionForReference(catalogs, absolute(host, parseImage(wanted)), flags.name);
  }
  if (flags.name !== undefined) {
    throw new EngineshedError('USAGE', `--name is for images, and "${wanted}" is the name of an engine`, {
      hint: `Leave --name out. An engine of another name is made in engineshed.toml, with: extends = "${wanted}"`,
    });
  }
  return findEngine(catalogs, wanted);
}

/** What a record of the store says must not depend on where the command was given. */
function absolute(host: Host, reference: Reference): Reference {
  return reference.transport !== 'registry'
    ? { ...reference, path: resolve(host.directory, reference.path) }
    : reference;
}
