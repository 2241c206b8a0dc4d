import { describe, expect, it } from 'vitest';
import { checkBytes, readAll, streamOf, verified } from '../../src/content/index.js';
import { type Descriptor, describe as describeBytes, digestOf, mediaTypes } from '../../src/oci/index.js';

const bytes = Buffer.from('content');
const descriptor = describeBytes(mediaTypes.layerTar, bytes);

/** Reads a stream as verified; returns what came through and the code of what ended it. */
async function passed(
  given: Uint8Array[],
  as: Descriptor,
): Promise<{ text: string; code: string | undefined }> {
  let text = '';
  const stream = (async function* () {
    yield* given;
  })();
  try {
    for await (const chunk of verified(stream, as)) text += Buffer.from(chunk).toString();
    return { text, code: undefined };
  } catch (error) {
    return { text, code: (error as { code: string }).code };
  }
}

describe('B01 what is not what its descriptor says', () => {
  it.each(['sha256', 'sha512'] as const)('B01 is told from what is, by %s', async (algorithm) => {
    const right = { ...descriptor, digest: digestOf(bytes, algorithm) };
    expect(await passed([bytes.subarray(0, 3), bytes.subarray(3)], right)).toEqual({
      text: 'content',
      code: undefined,
    });
    expect(await passed([Buffer.from('c0ntent')], right)).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(() => checkBytes(bytes, right)).not.toThrow();
    expect(() => checkBytes(Buffer.from('c0ntent'), right)).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
  });

  it('B01 is too short, too long, or of another size with the right digest', async () => {
    expect(await passed([bytes.subarray(1)], descriptor)).toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(await passed([], descriptor)).toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(await passed([bytes], { ...descriptor, size: 8 })).toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(() => checkBytes(bytes, { ...descriptor, size: 8 })).toThrow(
      expect.objectContaining({ code: 'SIZE_MISMATCH' }),
    );
  });

  it('C09 ends at the first byte too many, which is not passed on', async () => {
    let asked = 0;
    let given = 0;
    const far = (async function* () {
      while (asked++ < 100) yield bytes;
    })();
    const read = async () => {
      for await (const chunk of verified(far, { ...descriptor, size: 15 })) given += chunk.byteLength;
    };
    await expect(read()).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect([asked, given]).toEqual([3, 14]);
  });

  it('B02 is refused before it is read where it says itself that it is too large', async () => {
    await expect(readAll(streamOf(bytes), descriptor, 6)).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
    expect(await readAll(streamOf(bytes), descriptor, 7)).toEqual(bytes);
  });
});
