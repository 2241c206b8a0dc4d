import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  attachSigned,
  imageSignatureType,
  parsePublicKey,
  signImage,
  verifyImage,
} from '../../src/trust/index.js';
import { trustedKey } from '../../src/trust/public-key.js';
import { referrersOf } from '../support/artifact.js';
import { newKey, pushBundle, pushedImage } from '../support/signing.js';

const created = '2026-01-02T03:04:05Z';
const [one, two, three] = [newKey('one.pub'), newKey('two.pub'), newKey('three.pub')];
const publicKeys = [one.public, two.public, three.public];

describe('the signature of an image', () => {
  it('is made once with each key', async () => {
    const { target, subject } = await pushedImage('one');
    const inputs = { subject, name: 'it', created, key: one };
    const first = await signImage(target, inputs);
    expect(first.present).toBe(false);
    expect(await signImage(target, { ...inputs, created: '2027-01-01T00:00:00Z' })).toMatchObject({
      carrier: { digest: first.carrier.digest },
      present: true,
    });
    expect((await signImage(target, { ...inputs, key: two })).present).toBe(false);
    expect(await referrersOf(target, subject)).toHaveLength(2);
  });

  it('is found where it was written, also where a mirror has not it yet', async () => {
    const { target: written, subject } = await pushedImage('one');
    const { target: mirror } = await pushedImage('one');
    const inputs = { subject, created, key: one };
    await signImage(written, inputs);
    expect(await signImage({ ...mirror, written }, inputs)).toMatchObject({ present: true });
  });

  it('F01 is missing, or invalid, each with its own words', async () => {
    const { target, subject } = await pushedImage('one');
    const verify = () => verifyImage(target, [subject], 'acme/engine', { keys: [one.public], threshold: 1 });
    await expect(verify()).rejects.toMatchObject({
      code: 'SIGNATURE_MISSING',
      message: expect.stringContaining('acme/engine is not signed by one.pub'),
    });
    await signImage(target, { subject, name: 'it', created, key: two });
    await expect(verify()).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('is by none of the keys'),
    });
    await signImage(target, { subject, name: 'it', created, key: one });
    expect((await verify()).signers).toEqual([one.public]);
  });

  it('F01 is not what was signed of another sort', async () => {
    const { target, subject } = await pushedImage('one');
    await attachSigned(target, {
      subject,
      created,
      key: one,
      predicateType: 'https://example.com/x',
      predicate: {},
    });
    await expect(
      verifyImage(target, [subject], 'it', { keys: [one.public], threshold: 1 }),
    ).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
  });

  it('F01 needs as many different keys as are asked for: one key twice is one, in two files too', async () => {
    const { target, subject } = await pushedImage('one');
    await signImage(target, { subject, name: 'it', created, key: one });
    // A second signature with the same key: ECDSA makes another one each time.
    const inputs = { subject, name: 'it', created, predicateType: imageSignatureType, predicate: {} };
    await attachSigned(target, { ...inputs, key: one });
    const again = { ...one.public, label: 'copy.pub' };
    const short = verifyImage(target, [subject], 'it', {
      keys: [...publicKeys, again],
      threshold: 2,
      by: 'the policy "x"',
    });
    await expect(short).rejects.toMatchObject({
      code: 'SIGNATURE_MISSING',
      message: expect.stringMatching(/signed by 1 of the keys .*; 2 are needed, as the policy "x" demands/),
    });
    await signImage(target, { subject, name: 'it', created, key: three });
    const enough = await verifyImage(target, [subject], 'it', { keys: publicKeys, threshold: 2 });
    expect(enough.signers.map(({ label }) => label)).toEqual(['one.pub', 'three.pub']);
    expect(enough.unread).toBe(0);
    await expect(verifyImage(target, [subject], 'it', { keys: [], threshold: 0 })).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    });
  });

  it('F01 is one key, however its file spells it', () => {
    const jwk = one.public.key.export({ format: 'jwk' });
    const x = Buffer.from(jwk.x as string, 'base64url');
    const y = Buffer.from(jwk.y as string, 'base64url');
    // SubjectPublicKeyInfo of P-256, the point compressed.
    const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
    const der = Buffer.concat([head, Buffer.from([2 + ((y.at(-1) as number) & 1)]), x]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    expect(trustedKey(key, 'compressed').id).toBe(one.public.id);
    const pem = one.public.key.export({ type: 'spki', format: 'pem' }).toString();
    expect(parsePublicKey(`a comment\r\n${pem.replaceAll('\n', '\r\n')}`, 'x').id).toBe(one.public.id);
  });

  it('F01 of an index is one of the image that is chosen from it, and both together are two', async () => {
    const { target, subject } = await pushedImage('image');
    const index = (await pushedImage('stands for an index', target)).subject;
    const verify = (threshold: number) =>
      verifyImage(target, [subject, index], 'it', { keys: publicKeys, threshold });
    await signImage(target, { subject: index, created, key: one });
    expect((await verify(1)).signers).toEqual([one.public]);
    await signImage(target, { subject, created, key: one });
    await expect(verify(2)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await signImage(target, { subject, created, key: two });
    expect((await verify(2)).signers).toHaveLength(2);
  });

  it('tells of a few of many that do not count', async () => {
    const { target, subject } = await pushedImage('one');
    for (let at = 0; at < 20; at++) await pushBundle(target, subject, `{"${at}":1}`);
    const error = await verifyImage(target, [subject], 'it', { keys: publicKeys, threshold: 1 }).catch(
      (e) => e,
    );
    expect(error.code).toBe('SIGNATURE_INVALID');
    expect(error.message.length).toBeLessThan(1000);
  });
});
