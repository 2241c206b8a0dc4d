import { expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/oci/index.js';
import { KeptManifests } from '../../src/registry/kept-manifests.js';

it('of kept manifests the oldest go where they are too many', () => {
  const kept = new KeptManifests();
  const digests: Digest[] = [];
  for (let at = 0; at < 12; at++) {
    const bytes = Buffer.alloc(1024 * 1024, at);
    digests.push(digestOf(bytes));
    kept.keep(digestOf(bytes), bytes);
  }
  expect(digests.map((digest) => kept.get(digest) !== undefined)).toEqual([
    ...Array.from({ length: 4 }, () => false),
    ...Array.from({ length: 8 }, () => true),
  ]);
});
