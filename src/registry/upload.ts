import { type ByteStream, type OpenContent, verified } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { Permission } from './auth.js';
import type { RegistryHost } from './host.js';
import type { Limits } from './limits.js';
import type { HttpResponse } from './response.js';
import { isRetryable, isRetryableAnswer } from './retry.js';
import { parseServerUrl, publicUrl } from './url.js';

/** What to upload, and to where. */
export interface Upload {
  readonly host: RegistryHost;
  readonly limits: Limits;
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly open: OpenContent;
  /** What it is called in errors. */
  readonly what: string;
}

/**
 * Uploads a blob by POST, then PUT of the whole (distribution specification, "Pushing a blob monolithically"), and looks
 * that the registry really has it. Where that fails in a way that may pass, or the upload session is lost, a new session
 * is begun and the content opened again.
 * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH` (of the content), `RESPONSE_INVALID`, `REGISTRY_UNAVAILABLE`,
 * what `open` throws, and as `RegistryHost.send` does
 */
export async function uploadBlob(upload: Upload): Promise<void> {
  const { host, limits } = upload;
  for (let tries = 1; ; tries++) {
    const last = tries >= limits.tries;
    const location = await beginSession(upload);
    let response: HttpResponse;
    try {
      await host.pace.ready(location);
      response = await sendWhole(upload, location);
    } catch (error) {
      if (!isRetryable(error) || last) throw error;
      await host.pace.pause(location, tries);
      continue;
    }
    if (response.status === 201) {
      response.discard();
      checkStated(response, upload);
      if (await blobExists(host, upload.repository, upload.descriptor, 'push')) return;
      if (last) throw vanished(upload);
      await host.pace.pause(location, tries);
    } else {
      const lost = response.status === 404 || response.status === 416;
      if (last || !(lost || isRetryableAnswer(response)))
        throw await host.refusal(response, { what: `the upload of ${upload.what}` });
      response.discard();
      if (lost) await host.pace.pause(location, tries);
      else await host.pace.pauseAfterAnswer(response, tries);
    }
  }
}

/** Tells whether a repository has a blob, with the size that the descriptor says where the registry tells one. */
export async function blobExists(
  host: RegistryHost,
  repository: string,
  descriptor: Descriptor,
  access: Permission['access'],
): Promise<boolean> {
  const response = await host.send({
    method: 'HEAD',
    target: `/v2/${repository}/blobs/${descriptor.digest}`,
    permission: { repository, access },
  });
  response.discard();
  if (response.status === 200)
    return response.contentLength === undefined || response.contentLength === descriptor.size;
  if (response.status === 404) return false;
  throw await host.refusal(response, { what: `blob ${descriptor.digest}` });
}

/** Begins an upload session; returns where the content goes. */
async function beginSession({ host, repository, what }: Upload): Promise<URL> {
  const response = await host.send({
    method: 'POST',
    target: `/v2/${repository}/blobs/uploads/`,
    permission: { repository, access: 'push' },
  });
  if (response.status !== 202) throw await host.refusal(response, { what: `an upload session for ${what}` });
  response.discard();
  const location = response.header('location');
  if (location === undefined) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${response.url.host} began an upload and did not say where`,
      {
        details: { url: publicUrl(response.url), status: response.status },
      },
    );
  }
  return parseServerUrl(location, response.url, 'upload location');
}

/** The session may be elsewhere; `RegistryHost` sends credentials to the registry's own origin only (C04). */
function sendWhole({ host, repository, descriptor, open }: Upload, location: URL): Promise<HttpResponse> {
  return host.sendOnce({
    method: 'PUT',
    target: withDigest(location, descriptor),
    headers: { 'content-type': 'application/octet-stream' },
    body: {
      length: descriptor.size,
      open: async () => oneBehind(verified(await open(), descriptor)),
    },
    permission: { repository, access: 'push' },
  });
}

/** The location is the server's to word: the digest is added, and nothing else is written anew. */
function withDigest(location: URL, { digest }: Descriptor): URL {
  const separator = location.search === '' ? '?' : '&';
  return new URL(`${location.href.replace(/\?$/, '')}${separator}digest=${encodeURIComponent(digest)}`);
}

/** Holds each chunk until the next one is there, so that the last is sent only after all were verified. */
async function* oneBehind(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined;
  for await (const chunk of stream) {
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (held !== undefined) yield held;
}

function checkStated(response: HttpResponse, { descriptor, what }: Upload): void {
  const stated = response.header('docker-content-digest');
  if (stated === undefined || stated === descriptor.digest || !sameAlgorithm(stated, descriptor.digest))
    return;
  throw new EngineshedError('DIGEST_MISMATCH', `${response.url.host} took ${what} for ${stated}`, {
    hint: 'Something on the way changes what is sent. Try again, and check proxies.',
    details: { expected: descriptor.digest, actual: stated, url: publicUrl(response.url) },
  });
}

/** A registry may tell its own canonical digest, of another algorithm than ours. */
function sameAlgorithm(one: string, other: string): boolean {
  return one.split(':', 1)[0] === other.split(':', 1)[0];
}

function vanished({ host, what }: Upload): EngineshedError {
  return new EngineshedError(
    'REGISTRY_UNAVAILABLE',
    `${host.registry} says that it took ${what}, but does not have it`,
    { hint: 'Try again later; nothing was tagged.' },
  );
}
