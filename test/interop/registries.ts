import { spawn } from 'node:child_process';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { peerProgram } from '../support/peers.js';
import { freePort, listening, startRealRegistry } from '../support/registry-debian.js';

/** A registry that runs. */
export interface RunningRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  close(): Promise<void>;
}

/** A kind of registry, on loopback and plain http, open to all. */
export interface RegistryKind {
  readonly name: string;
  /** The programs that it needs. */
  readonly programs: readonly string[];
  /**
   * Who keeps the list of what refers to a manifest: clients under a tag, or the registry. A loose one lists, but neither says so
   * when a manifest is pushed (`OCI-Subject`), nor gives the artifact type of a manifest that has one: it gives its config's.
   */
  readonly referrers: 'tag' | 'api' | 'loose api';
  /** @param directory for its storage */
  start(directory: string): Promise<RunningRegistry>;
}

/** All of them. */
export const registryKinds: readonly RegistryKind[] = [
  {
    name: 'distribution',
    programs: ['docker-registry'],
    referrers: 'tag',
    start: (directory) => startRealRegistry({ directory }),
  },
  {
    name: 'go-containerregistry',
    programs: ['referrers-registry'],
    referrers: 'loose api',
    start: startReferrersRegistry,
  },
  {
    name: 'the scripted registry',
    programs: [],
    referrers: 'api',
    start: () => ScriptedRegistry.start(),
  },
];

async function startReferrersRegistry(): Promise<RunningRegistry> {
  const port = await freePort();
  const child = spawn(peerProgram('referrers-registry'), [`127.0.0.1:${port}`], { stdio: 'ignore' });
  await listening(port, child);
  return {
    host: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}
