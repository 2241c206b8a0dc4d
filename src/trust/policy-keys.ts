import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { EngineshedError, fromNamedPath, inOperation } from '../errors/index.js';
import { canonicalJson, digestHex, digestOf } from '../oci/index.js';
import type { ChannelView } from './memory.js';
import type { KeySource, TrustPolicy } from './policy.js';
import { parsePublicKey } from './public-key.js';
import type { TrustedKey } from './types.js';

/** The most bytes of a file with a key: 16 KiB. */
const maxKeyBytes = 16 * 1024;

/** A policy whose keys were read, each once. */
export interface ReadPolicy extends Omit<TrustPolicy, 'keys'> {
  /** The sha256 of its keys and its threshold, in hexadecimal: what one such policy takes for signed, all with this id do. */
  readonly id: string;
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
  if (keys.length >= policy.threshold) return { ...policy, keys, id: idOf(keys, policy.threshold) };
  throw new EngineshedError(
    'CONFIG_INVALID',
    `${describePolicy(policy)}: ${policy.threshold} different keys have to sign, and there are only ${keys.length}`,
    { hint: 'Two of its keys are the same.', details: { path: policy.file } },
  );
}

/** Whether enough keys of a policy signed. */
export function isEnough({ keys, threshold }: ReadPolicy, signers: ReadonlySet<string>): boolean {
  return keys.filter(({ id }) => signers.has(id)).length >= Math.max(threshold, 1);
}

/** How those see a channel who trust the keys of a policy. */
export function viewOf({ place, tag }: Pick<ChannelView, 'place' | 'tag'>, policy: ReadPolicy): ChannelView {
  return { place, tag, policy: policy.id, isProof: (signers) => isEnough(policy, signers) };
}

/** How messages name a policy. */
export function describePolicy({ name, file }: Pick<TrustPolicy, 'name' | 'file'>): string {
  return `the policy "${name}" of ${file}`;
}

function idOf(keys: readonly TrustedKey[], threshold: number): string {
  return digestHex(digestOf(canonicalJson({ keys: keys.map(({ id }) => id).sort(), threshold })));
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
