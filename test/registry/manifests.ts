import { type Digest, mediaTypes } from '../../src/oci/index.js';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, manifestBytes, scripted } from '../support/registry-client.js';

/** The manifest of the tests. */
export const manifest = descriptorOf(manifestBytes, mediaTypes.imageManifest);

/** A registry that has the manifest by the tag `one`. */
export async function withManifest(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
  return registry;
}

/** Whether a request asks for headers only. */
export const isHead = ({ method }: RecordedRequest) => method === 'HEAD';

/** Lets a registry answer each GET with the same. */
export function answering(registry: ScriptedRegistry, body: Buffer, headers: Record<string, string>): void {
  registry.script((request, response) => {
    if (request.method !== 'GET') return undefined;
    response.writeHead(200, headers).end(body);
    return 'handled';
  });
}

/** The digest of something else than the manifest. */
export function other(): Digest {
  return descriptorOf(Buffer.from('something else')).digest;
}
