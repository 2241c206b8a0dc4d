import { EngineshedError } from '../errors/index.js';
import { createDigester, type Descriptor, digestAlgorithm, digestOf } from '../oci/index.js';
import type { ByteStream } from './types.js';

/**
 * Passes bytes on and checks them against a descriptor. More bytes than its size end the stream at once.
 * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, from the iteration
 */
export async function* verified(
  stream: ByteStream,
  descriptor: Descriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = createDigester(digestAlgorithm(descriptor.digest));
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > descriptor.size) throw sizeMismatch(descriptor, `more than ${descriptor.size}`);
    digester.update(chunk);
    yield chunk;
  }
  if (size !== descriptor.size) throw sizeMismatch(descriptor, size);
  const actual = digester.digest();
  if (actual !== descriptor.digest) throw digestMismatch(descriptor, actual);
}

/**
 * Reads a small thing whole, verified.
 * @param limit the most bytes that are read
 * @throws EngineshedError `MANIFEST_TOO_LARGE`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`
 */
export async function readAll(stream: ByteStream, descriptor: Descriptor, limit: number): Promise<Buffer> {
  if (descriptor.size > limit) {
    throw new EngineshedError(
      'MANIFEST_TOO_LARGE',
      `${descriptor.digest} has ${descriptor.size} bytes; ${limit} are allowed`,
      {
        details: { expected: limit, actual: descriptor.size },
      },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of verified(stream, descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * Checks bytes that are in memory against a descriptor.
 * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH`
 */
export function checkBytes(bytes: Uint8Array, descriptor: Pick<Descriptor, 'digest' | 'size'>): void {
  if (bytes.byteLength !== descriptor.size) throw sizeMismatch(descriptor, bytes.byteLength);
  const actual = digestOf(bytes, digestAlgorithm(descriptor.digest));
  if (actual !== descriptor.digest) throw digestMismatch(descriptor, actual);
}

function sizeMismatch(
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  actual: number | string,
): EngineshedError {
  return new EngineshedError(
    'SIZE_MISMATCH',
    `${descriptor.digest} should have ${descriptor.size} bytes and has ${actual}`,
    {
      hint: 'Nothing was kept of it. Try again; if it stays so, the source is damaged or not to be trusted.',
      details: { expected: descriptor.size, actual },
    },
  );
}

function digestMismatch(descriptor: Pick<Descriptor, 'digest'>, actual: string): EngineshedError {
  return new EngineshedError(
    'DIGEST_MISMATCH',
    `The content of ${descriptor.digest} has the digest ${actual}`,
    {
      hint: 'Nothing was kept of it. Try again; if it stays so, the source is damaged or not to be trusted.',
      details: { expected: descriptor.digest, actual },
    },
  );
}
