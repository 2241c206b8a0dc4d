import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, scripted } from '../support/registry-client.js';

/** What is downloaded. */
export const blob = randomBytes(300_000);

/** The descriptor of {@link blob}. */
export const descriptor = descriptorOf(blob);

/** Whether a request asks for a blob. */
export const isBlob = ({ method, path }: RecordedRequest) => method === 'GET' && path.includes('/blobs/');

/** A registry that has a blob. */
export async function withBlob(bytes: Buffer = blob): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addBlob(bytes);
  return registry;
}

/** Lets a registry answer what asks for blobs in a way of its own. */
export function answering(registry: ScriptedRegistry, answer: (response: ServerResponse) => void): void {
  registry.script((request, response) => {
    if (!isBlob(request)) return undefined;
    answer(response);
    return 'handled';
  });
}
