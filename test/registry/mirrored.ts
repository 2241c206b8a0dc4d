import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Target } from '../../src/content/index.js';
import type { PullFromMirror } from '../../src/mirrors/index.js';
import { type Descriptor, mediaTypes } from '../../src/oci/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  manifestBytes,
  read,
  reference,
  scripted,
} from '../support/registry-client.js';

/** The repository of the tests lies below it; the mirrors have it under `cache/`. */
export const prefix = 'origin.example/acme';

/** What each place has besides the manifest. */
export const layer = randomBytes(3 * 1024 * 1024);

/** The descriptor of {@link layer}. */
export const layerDescriptor = descriptorOf(layer);

interface Mirrors {
  readonly mirrors: readonly { readonly host: string; readonly pull?: PullFromMirror }[];
  readonly location: { readonly host: string };
}

/** The repository with mirrors, by a client of its own. */
export function mirrored(
  { mirrors, location }: Mirrors,
  options: Partial<RegistryClientOptions> = {},
): Target {
  const rule = {
    prefix,
    location: `${location.host}/acme`,
    insecure: false,
    blocked: false,
    mirrors: mirrors.map(({ host, pull = 'all' }) => ({
      location: `${host}/cache`,
      insecure: false,
      pull,
    })),
    origin: '/etc/test.conf',
    ofProject: false,
  };
  return client({ registries: [rule], ...options }).repository(reference('origin.example'));
}

/** A registry that has the manifest, by the tag `one`, in repositories, and the layer. */
export async function having(...names: string[]): Promise<ScriptedRegistry> {
  const registry = await scripted();
  for (const name of names)
    registry.contents.addManifest(name, mediaTypes.imageManifest, manifestBytes, 'one');
  registry.contents.addBlob(layer);
  return registry;
}

/** A mirror and an origin that both have everything. */
export async function pair() {
  return { mirror: await having('cache/engine'), location: await having('acme/engine') };
}

/** Reads the tag `one`, its manifest and the layer. */
export async function readAllOf(target: Target): Promise<Descriptor> {
  const found = await target.resolve('one');
  expect(await read(target, found)).toEqual(manifestBytes);
  expect((await read(target, layerDescriptor)).equals(layer)).toBe(true);
  return found;
}
