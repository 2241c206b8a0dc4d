import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { runPeer } from '../support/peers.js';

/** Another program that pushes and pulls. Registries are on loopback, on plain http. */
export interface Client {
  readonly name: 'skopeo' | 'crane' | 'oras' | 'regctl';
  /** Copies an image from a registry to an OCI image layout at a path that is not there yet. */
  pull(reference: string, layout: string): Promise<unknown>;
  /** Copies the one image of a layout, tagged `1`, to a registry. */
  push(layout: string, reference: string): Promise<unknown>;
  /** The tags of a repository. */
  tags(repository: string): Promise<string[]>;
}

/** All of them. */
export const clients: readonly Client[] = [
  {
    name: 'skopeo',
    pull: (reference, layout) =>
      runPeer('skopeo', ['copy', '--src-tls-verify=false', `docker://${reference}`, `oci:${layout}:1`]),
    push: (layout, reference) =>
      runPeer('skopeo', ['copy', '--dest-tls-verify=false', `oci:${layout}:1`, `docker://${reference}`]),
    tags: async (repository) =>
      JSON.parse(await runPeer('skopeo', ['list-tags', '--tls-verify=false', `docker://${repository}`])).Tags,
  },
  {
    name: 'crane',
    pull: (reference, layout) => runPeer('crane', ['pull', '--format=oci', reference, layout]),
    push: (layout, reference) => runPeer('crane', ['push', layout, reference]),
    tags: async (repository) => lines(await runPeer('crane', ['ls', repository])),
  },
  {
    name: 'oras',
    pull: (reference, layout) =>
      runPeer('oras', ['copy', '--from-plain-http', reference, '--to-oci-layout', `${layout}:1`]),
    push: (layout, reference) =>
      runPeer('oras', ['copy', '--from-oci-layout', `${layout}:1`, '--to-plain-http', reference]),
    tags: async (repository) => lines(await runPeer('oras', ['repo', 'tags', '--plain-http', repository])),
  },
  {
    name: 'regctl',
    pull: (reference, layout) => regctl(reference, 'image', 'copy', reference, `ocidir://${layout}:1`),
    push: (layout, reference) => regctl(reference, 'image', 'copy', `ocidir://${layout}:1`, reference),
    tags: async (repository) => lines(await regctl(repository, 'tag', 'ls', repository)),
  },
];

/** Runs regctl, which has to be told for which registry to speak plain http: that of the reference. */
export function regctl(reference: string, ...args: readonly string[]): Promise<string> {
  return runPeer('regctl', ['--host', `reg=${reference.replace(/\/.*/, '')},tls=disabled`, ...args]);
}

/** The digest of the one manifest that a layout names. */
export function digestOfLayout(layout: string): string {
  const { manifests } = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8'));
  if (manifests.length !== 1) throw new Error(`${layout} names ${manifests.length} manifests`);
  return manifests[0].digest;
}

/** Extracts the layers of a layout's one image with GNU tar, one over the other; they have no whiteouts. */
export function unpackLayout(layout: string, directory: string): void {
  const blob = (digest: string) => `${layout}/blobs/${digest.replace(':', '/')}`;
  const { layers } = JSON.parse(readFileSync(blob(digestOfLayout(layout)), 'utf8'));
  mkdirSync(directory);
  for (const { digest } of layers) execFileSync('tar', ['xzf', blob(digest), '-C', directory]);
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
