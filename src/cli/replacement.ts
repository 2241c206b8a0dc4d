import { resolve } from 'node:path';
import type { SourceOverride } from '../catalog/types.js';
import { nameFault } from '../engine/names.js';
import { EngineshedError } from '../errors/index.js';
import { branchTag, isDigest, parseTag } from '../oci/index.js';
import type { Host } from './host.js';
import { parseImage } from './references.js';

/** What a user puts in the place of a source. */
export interface Replacement {
  readonly name: string;
  readonly override: SourceOverride;
}

/**
 * Reads `SOURCE=WHAT`. What begins with `./`, `../`, `~/` or `/`, or is `.` or `..`, is a directory; `@BRANCH` is what was
 * published for that branch; what has a `/` or a `:` is an image; everything else is a tag, or a digest, of what the source is.
 * @throws EngineshedError `USAGE`, `NAME_INVALID`, `REFERENCE_INVALID`
 */
function parseReplacement(host: Host, text: string): Replacement {
  const at = text.indexOf('=');
  const [name, what] = [text.slice(0, at), text.slice(at + 1)];
  if (at <= 0 || what === '') {
    throw new EngineshedError('USAGE', `"${text}" does not say what takes the place of which source`, {
      hint: 'Write SOURCE=TAG, SOURCE=@BRANCH, SOURCE=REF or SOURCE=./DIR.',
    });
  }
  const fault = nameFault(name);
  if (fault !== undefined) throw new EngineshedError('NAME_INVALID', `"${name}" is no source: ${fault}`);
  return { name, override: overrideOf(host, what) };
}

/**
 * Reads several, of which no two are for one source.
 * @throws EngineshedError as {@link parseReplacement} does
 */
export function parseReplacements(host: Host, texts: readonly string[]): Replacement[] {
  const replacements = texts.map((text) => parseReplacement(host, text));
  const twice = replacements.find(
    ({ name }, at) => replacements.findIndex((other) => other.name === name) < at,
  );
  if (twice === undefined) return replacements;
  throw new EngineshedError('USAGE', `The source "${twice.name}" is replaced twice`);
}

function overrideOf(host: Host, what: string): SourceOverride {
  if (what.startsWith('~/')) return directory(resolve(host.home, what.slice(2)));
  if (/^(?:\.{0,2}\/|\.{1,2}$|[A-Za-z]:\\)/.test(what)) return directory(resolve(host.directory, what));
  if (what.startsWith('@')) return { kind: 'version', tag: branchTag(what.slice(1)) };
  if (isDigest(what)) return { kind: 'version', digest: what };
  if (!/[/:]/.test(what)) return { kind: 'version', tag: parseTag(what) };
  const reference = parseImage(what);
  if (reference.transport === 'registry') return { kind: 'image', reference };
  return { kind: 'layout', reference: { ...reference, path: resolve(host.directory, reference.path) } };
}

function directory(path: string): SourceOverride {
  return { kind: 'directory', path };
}
