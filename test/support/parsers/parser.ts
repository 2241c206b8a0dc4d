import type { ErrorCode } from '../../../src/errors/index.js';
import { buildImage, describe, digestOf, mediaTypes } from '../../../src/oci/index.js';

/** A parser of something from outside, as the fuzzer sees it. */
export interface FuzzedParser {
  readonly name: string;
  /** Valid inputs; bytes as latin1 where `bytes` is set. */
  readonly samples: readonly string[];
  /** Inputs that once did harm. */
  readonly regressions?: readonly string[];
  /** Words that mean something to it. */
  readonly words?: readonly string[];
  /** The only codes that it may refuse with; none where it takes everything. */
  readonly codes: readonly ErrorCode[];
  /** What its errors must not tell, where the samples have it. */
  readonly secret?: string;
  /** Whether the inputs are bytes as latin1. */
  readonly bytes?: boolean;
  /**
   * Parses, and checks what came out as far as there is something to check: throws an `Error` where a value is not what it
   * should be.
   * @param scratch a path for a file
   */
  run(input: string, scratch: string): unknown;
}

/** An image with a platform and an annotation. */
export const image = buildImage({
  layers: [{ descriptor: describe(mediaTypes.layerTarGzip, Buffer.from('x')), diffId: digestOf('y') }],
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  annotations: { 'org.opencontainers.image.version': '1' },
  created: '2026-01-01T00:00:00Z',
  createdBy: 'test',
});

/** Bytes as text. */
export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

/** Text as bytes. */
export const utf8 = (input: string) => Buffer.from(input, 'utf8');

/** An index with that image. */
export const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.imageIndex,
  manifests: [
    {
      ...image.manifest.descriptor,
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {
        'org.opencontainers.image.ref.name': '1',
        'io.containerd.image.name': 'docker.io/library/x:1',
      },
    },
  ],
});

/** Words that mean something in manifests. */
export const jsonWords = [
  '"size":',
  '"digest":',
  '"layers":',
  '"manifests":',
  '"mediaType":',
  '"data":',
  '"a":1,"a":1',
  '"__proto__":',
  '\\u0061',
  '\\ud800',
];

/** The digits of a digest. */
export const hex = 'a'.repeat(64);

/** Throws where a value is not what it should be. */
export function mustBe(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
