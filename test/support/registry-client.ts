import { onTestFinished } from 'vitest';
import type { ProgressEvent, Target } from '../../src/content/index.js';
import type { Credential, CredentialSource } from '../../src/credentials/index.js';
import { type Descriptor, type Digest, mediaTypes, type RegistryReference } from '../../src/oci/index.js';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/registry/index.js';
import { ScriptedRegistry, type ScriptedRegistryOptions, sha256 } from '../../src/testing/index.js';

/** Patience for tests: the same number of tries, without the pauses. */
const quickLimits = { backoffMs: 2, idleMs: 2000, commitMs: 2000, maxWaitMs: 3000 };

/** A client that is closed when the test ends, without credentials where none are given. */
export function client(options: Partial<RegistryClientOptions> = {}): RegistryClient {
  const made = createRegistryClient({
    credentials: logins({}),
    plainHttp: () => undefined,
    userAgent: 'engineshed-test',
    ...options,
    limits: { ...quickLimits, ...options.limits },
  });
  onTestFinished(() => made.close());
  return made;
}

/** A scripted registry that ends with the test. */
export async function scripted(options: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
  const registry = await ScriptedRegistry.start(options);
  onTestFinished(() => registry.close());
  return registry;
}

/** A repository in a scripted registry, by a client of its own. */
export function target(registry: { host: string }, options: Partial<RegistryClientOptions> = {}): Target {
  return client(options).repository(reference(registry.host));
}

/** A reference to the repository that the tests use. */
export function reference(registry: string, repository = 'acme/engine'): RegistryReference {
  return { transport: 'registry', registry, repository };
}

/** Credentials by registry, as `user:password`, or whole. */
export function logins(entries: Readonly<Record<string, string | Credential>>): CredentialSource {
  return {
    places: ['/home/test/auth.json'],
    find: async (registry) => {
      const entry = entries[registry];
      if (typeof entry !== 'string') return entry;
      const [username = '', password = ''] = entry.split(':');
      return { kind: 'password', username, password, origin: '/home/test/auth.json' };
    },
  };
}

/** A descriptor of bytes. */
export function descriptorOf(bytes: Uint8Array, mediaType: string = mediaTypes.layerTarGzip): Descriptor {
  return { mediaType, digest: sha256(bytes) as Digest, size: bytes.byteLength };
}

/** Opens bytes, in pieces. */
export function opens(bytes: Uint8Array, piece = 64 * 1024) {
  return async () =>
    (async function* () {
      for (let at = 0; at < bytes.byteLength; at += piece) yield bytes.subarray(at, at + piece);
    })();
}

/** Reads content whole. */
export async function read(from: Target, descriptor: Descriptor): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await from.fetch(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** All tags. */
export async function tagsOf(from: Target): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of from.tags()) tags.push(tag);
  return tags;
}

/** A reporter that keeps what it is told. */
export function recorder(): { report: (event: ProgressEvent) => void; events: ProgressEvent[] } {
  const events: ProgressEvent[] = [];
  return { events, report: (event) => void events.push(event) };
}

/** The bytes of a small valid manifest. */
export const manifestBytes = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.imageManifest,
    config: { mediaType: mediaTypes.imageConfig, digest: sha256(Buffer.from('{}')), size: 2 },
    layers: [],
  }),
);
