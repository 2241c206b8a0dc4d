import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { EngineshedError, fromNamedPath, inOperation } from '../errors/index.js';
import type { KeySource, TrustPolicy } from './policy.js';
import { parsePublicKey } from './public-key.js';
import type { TrustedKey } from './types.js';

/** The most bytes of a file with a key: 16 KiB. */
const maxKeyBytes = 16 * 1024;

/** A policy whose keys were read, each once. */
export interface ReadPolicy extends Omit<TrustPolicy, 'keys'> {
  readonly keys: readonly TrustedKey[];
}

/**
 * Reads the keys of a policy. Files with one key are one key.
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `KEY_INVALID`; `CONFIG_INVALID` where there are fewer different keys
 * than have to sign
 */
export async function readPolicyKeys(policy: TrustPolicy): Promise<ReadPolicy> {
  const read: TrustedKey[] = [];
  try {
    for (const [at, source] of policy.keys.entries()) read.push(await readKey(source, policy, at));
  } catch (error) {
    throw inOperation(describePolicy(policy), error);
  }
  const keys = [...new Map(read.map((key) => [key.id, key])).values()];
  if (keys.length >= policy.threshold) return { ...policy, keys };
  throw new EngineshedError(
    'CONFIG_INVALID',
    `${describePolicy(policy)}: ${policy.threshold} different keys have to sign, and there are only ${keys.length}`,
    { hint: 'Two of its keys are the same.', details: { path: policy.file } },
  );
}

/** How messages name a policy. */
export function describePolicy({ name, file }: Pick<TrustPolicy, 'name' | 'file'>): string {
  return `the policy "${name}" of ${file}`;
}

async function readKey(source: KeySource, { name }: TrustPolicy, at: number): Promise<TrustedKey> {
  if (source.kind === 'text') return parsePublicKey(source.pem, `key ${at + 1} of "${name}"`);
  return parsePublicKey(await readStart(source.path), source.path);
}

/** Neither a huge file nor one without an end is read to its end. */
async function readStart(path: string): Promise<string> {
  try {
    // A pipe in its place is not waited for.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(maxKeyBytes), 0, maxKeyBytes, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fromNamedPath({ what: 'file', path, purpose: 'with a public key' }, error);
  }
}
