import { resolve } from 'node:path';
import { namesRegistry, withoutDefaultPort } from '../oci/index.js';
import type { KeySource, TrustPolicy } from '../trust/policy.js';
import { catalogFault } from './fault.js';
import type { TrustFile } from './schema.js';
import type { FileContext } from './source.js';

/**
 * Reads a `[trust.NAME]` table. Files with keys are not opened yet: most runs need none.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function readPolicy(context: FileContext, name: string, file: TrustFile): TrustPolicy {
  const { engines = [], images = [], keys, threshold = 1, channel = false } = file;
  const sources = keys.map((key) => readKey(context, key));
  for (const [at, pattern] of images.entries()) checkImage(context, ['trust', name, 'images'], at, pattern);
  if (threshold > keys.length) {
    const problem = `is ${threshold}, and there are ${keys.length} keys: nothing could ever be signed by so many`;
    throw catalogFault(context.source, ['trust', name, 'threshold'], problem);
  }
  return {
    name,
    file: context.source.name,
    engines,
    images: images.map(canonicalPattern),
    keys: sources,
    threshold,
    channel,
  };
}

/** What could match no image would be a policy that looks like one, and is none. */
function checkImage(context: FileContext, path: readonly string[], at: number, pattern: string): void {
  const slash = pattern.indexOf('/');
  const [first, rest] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash)];
  if (rest.includes(':'))
    throw catalogFault(context.source, path, `"${pattern}" has a tag: policies are for whole repositories`);
  if (first.includes('*') || (slash > 0 && namesRegistry(pattern))) return;
  throw catalogFault(context.source, path, `"${pattern}" names no registry (number ${at + 1} of the list)`, {
    hint: 'Write images as HOST/PATH, for instance "ghcr.io/acme/*".',
  });
}

/** A pattern in the spelling that references have after they are parsed: one name of Docker Hub, `library/` filled in, no default port. */
function canonicalPattern(pattern: string): string {
  const [host = '', ...path] = pattern.toLowerCase().split('/');
  if (path.length === 0) return host;
  const rest = path.join('/');
  const registry = withoutDefaultPort(host).replace(/^(?:index|registry-1)\.docker\.io$/, 'docker.io');
  const isOfficial = registry === 'docker.io' && path.length === 1 && !rest.startsWith('*');
  return `${registry}/${isOfficial ? 'library/' : ''}${rest}`;
}

function readKey({ baseDirectory }: FileContext, key: string): KeySource {
  if (key.trimStart().startsWith('-----BEGIN ')) return { kind: 'text', pem: key };
  return { kind: 'file', path: resolve(baseDirectory, key) };
}
