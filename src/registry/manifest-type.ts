import { EngineshedError } from '../errors/index.js';
import { isDockerSchema1, isIndexType, isManifestType, mediaTypes, parseJson } from '../oci/index.js';

/**
 * Tells the media type of a manifest from its `Content-Type` and its body, for registries whose header says nothing.
 * @param header the header's media type; empty where there is none
 * @param what names the manifest in errors
 * @throws EngineshedError `MANIFEST_INVALID` where header and body disagree (B03), `MEDIA_TYPE_UNSUPPORTED` for Docker
 * schema 1 (B05), `RESPONSE_INVALID` where the body is no manifest
 */
export function manifestMediaType(header: string, body: Uint8Array, what: string): string {
  if (isDockerSchema1(header)) throw schema1(what);
  const json = parseObject(body, what);
  if (json.schemaVersion === 1) throw schema1(what);
  const stated = typeof json.mediaType === 'string' ? json.mediaType : undefined;
  const headerCounts = isManifestType(header) || isIndexType(header);
  if (headerCounts && stated !== undefined && stated !== header) {
    throw new EngineshedError(
      'MANIFEST_INVALID',
      `The ${what} calls itself "${stated}" but came as "${header}"`,
      {
        details: { expected: header, actual: stated },
      },
    );
  }
  const mediaType = headerCounts ? header : (stated ?? guessed(json));
  if (mediaType !== undefined) return mediaType;
  throw new EngineshedError('RESPONSE_INVALID', `What came for the ${what} is no manifest`);
}

/** An OCI manifest or index need not name its own type. */
function guessed(json: Record<string, unknown>): string | undefined {
  if (json.schemaVersion !== 2) return undefined;
  if (Array.isArray(json.manifests)) return mediaTypes.imageIndex;
  return Array.isArray(json.layers) ? mediaTypes.imageManifest : undefined;
}

function parseObject(body: Uint8Array, what: string): Record<string, unknown> {
  let json: unknown;
  let cause: unknown;
  try {
    json = parseJson(body, what);
  } catch (error) {
    cause = error;
  }
  if (json !== null && typeof json === 'object') return json as Record<string, unknown>;
  throw new EngineshedError('RESPONSE_INVALID', `What came for the ${what} is no manifest`, {
    hint: 'A proxy may stand between here and the registry, or the name is not that of a registry.',
    cause,
  });
}

function schema1(what: string): EngineshedError {
  return new EngineshedError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The ${what} is in Docker's schema 1, which is not supported`,
    { hint: 'Push the image again with a current tool.' },
  );
}
