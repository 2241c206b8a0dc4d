import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import { type Descriptor, digestOf, mediaTypes } from '../../src/oci/index.js';
import {
  endlessPages,
  failWith,
  noReferrers,
  type ScriptedRegistry,
  wrongContent,
} from '../../src/testing/index.js';
import { bundleType } from '../../src/trust/bundle.js';
import { signImage, verifyImage } from '../../src/trust/index.js';
import { scripted, target } from '../support/registry-client.js';
import { newKey, pushBundle, pushedImage, signatureAnnotations } from '../support/signing.js';

const key = newKey('one.pub');

const verify = (place: Target, subject: Descriptor) =>
  verifyImage(place, [subject], 'it', { keys: [key.public], threshold: 1 });

/** A registry with a signed image. */
async function signedImage() {
  const registry = await scripted();
  const { subject } = await pushedImage('one', target(registry));
  const { carrier } = await signImage(target(registry), { subject, created: '2026-01-02T03:04:05Z', key });
  registry.requests.length = 0;
  return { registry, subject, carrier, place: target(registry) };
}

/** Lets the registry list other things; filtered by artifact type where that is asked for and it can. */
function list(registry: ScriptedRegistry, entries: readonly Descriptor[], filters: 'filters' | 'ignores') {
  registry.script(({ kind, query }, response) => {
    if (kind !== 'referrers') return undefined;
    const asked = filters === 'filters' ? query.get('artifactType') : null;
    const manifests = entries.filter(({ artifactType }) => asked === null || artifactType === asked);
    response.writeHead(200, { 'content-type': mediaTypes.imageIndex });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests }));
    return 'handled';
  });
}

const others = (number: number, artifactType: string): Descriptor[] =>
  Array.from({ length: number }, (_, at) => ({
    mediaType: mediaTypes.imageManifest,
    digest: digestOf(`other ${at}`),
    size: 500,
    artifactType,
  }));

describe('a registry', () => {
  it('F03 that lists the signature, by its API or under a tag', async () => {
    for (const api of [true, false]) {
      const registry = await scripted();
      if (!api) registry.script(noReferrers());
      const { subject } = await pushedImage('one', target(registry));
      await signImage(target(registry), { subject, created: '2026-01-02T03:04:05Z', key });
      expect((await verify(target(registry), subject)).signers).toEqual([key.public]);
    }
  });

  it('F03 that strips what refers to an image: it is not signed', async () => {
    const { registry, subject, place } = await signedImage();
    list(registry, [], 'filters');
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    const second = await signedImage();
    second.registry.contents.repositories.get('acme/engine')?.manifests.delete(second.carrier.digest);
    await expect(verify(second.place, second.subject)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
  });

  it('F03 that lists a signature, and has it not: it is not signed', async () => {
    const { registry, subject, place, carrier } = await signedImage();
    list(registry, [{ ...carrier, artifactType: bundleType }], 'filters');
    registry.contents.repositories.get('acme/engine')?.manifests.delete(carrier.digest);
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  it('F03 with 10,000 other referrers is asked a few times, and those are not opened', async () => {
    const { registry, subject, place, carrier } = await signedImage();
    const signature = { ...carrier, artifactType: bundleType, annotations: signatureAnnotations };
    list(registry, [...others(9_999, 'application/spdx+json'), signature], 'filters');
    expect((await verify(place, subject)).signers).toEqual([key.public]);
    expect(registry.requests.length).toBeLessThan(6);
  });

  it('F03 with more is asked for signatures only; where it cannot choose, it is refused', async () => {
    const { registry, subject, place, carrier } = await signedImage();
    const signature = { ...carrier, artifactType: bundleType, annotations: signatureAnnotations };
    const entries = [...others(10_001, 'application/spdx+json'), signature];
    list(registry, entries, 'filters');
    expect((await verify(place, subject)).signers).toEqual([key.public]);
    list(registry, entries, 'ignores');
    registry.requests.length = 0;
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(registry.requests.length).toBeLessThan(6);
  });

  it('F03 with 10,000 signatures is refused before one of them is opened', async () => {
    const { registry, subject, place } = await signedImage();
    list(registry, others(10_000, bundleType), 'filters');
    await expect(verify(place, subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('More than 200 signatures'),
      hint: expect.stringContaining('Remove'),
    });
    expect(registry.requests.length).toBeLessThan(6);
  });

  it('F03 whose list does not end is refused', async () => {
    const { registry, subject, place } = await signedImage();
    registry.script(endlessPages());
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('F03 that sends 100 MB for a bundle is not listened to', async () => {
    const { registry, subject, place } = await signedImage();
    const piece = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    registry.script(({ kind, method }, response) => {
      if (kind !== 'blob' || method !== 'GET') return undefined;
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const more = () => {
        while (sent < 100 && !response.destroyed) {
          sent++;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
      return 'handled';
    });
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    // What the sockets take before anybody notices.
    expect(sent).toBeLessThan(20);
  });

  it('F01 that gives another bundle than the one that is listed: it is not signed', async () => {
    const { registry, subject, place } = await signedImage();
    registry.script(wrongContent());
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  it('F03 that does not answer is not taken for one without signatures', async () => {
    const { registry, subject, place } = await signedImage();
    registry.script(failWith({ status: 503, which: ({ kind }) => kind === 'manifest' }));
    await expect(verify(place, subject)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('F01 where somebody attached the signature of another image', async () => {
    const { subject, place } = await signedImage();
    const other = await pushedImage('other', place);
    await signImage(place, { subject: other.subject, created: '2026-01-02T03:04:05Z', key });
    const third = (await pushedImage('third', place)).subject;
    for await (const carrier of place.referrers(subject)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await place.fetch(carrier)) chunks.push(chunk);
      const [layer] = JSON.parse(Buffer.concat(chunks).toString()).layers;
      await pushBundle(place, third, 'x', { layers: [layer] });
    }
    await expect(verify(place, third)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });
});
