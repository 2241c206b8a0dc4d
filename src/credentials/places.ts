import { join } from 'node:path';
import type { Environment } from './environment.js';
import type { FileForm } from './file.js';

/** Where credential files are looked for. */
export interface PlacesOptions {
  /** `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME` and `DOCKER_CONFIG` are read. */
  readonly env: Environment;
  /** The user's home directory. */
  readonly home: string;
  /** The user's number, where the system has such: Podman's file lies in `/run/containers/UID` without `XDG_RUNTIME_DIR`. */
  readonly uid?: number | undefined;
}

/** A place of a credential file. */
export interface Place {
  readonly path: string;
  readonly form: FileForm;
  /** Who writes it: `chosen` is `REGISTRY_AUTH_FILE`, `session` is Podman's that ends with the session, `user` its lasting one. */
  readonly role: 'chosen' | 'session' | 'user' | 'docker' | 'legacy';
}

/**
 * The places of credential files in the order in which they are read, which is Podman's (containers-auth.json(5)).
 */
export function credentialPlaces({ env, home, uid }: PlacesOptions): Place[] {
  const set = (name: string) => env[name] || undefined;
  const place = (role: Place['role'], path: string): Place => ({
    path,
    role,
    form: role === 'legacy' ? 'legacy' : 'config',
  });
  const chosen = set('REGISTRY_AUTH_FILE');
  if (chosen !== undefined) return [place('chosen', chosen)];
  const runtime = set('XDG_RUNTIME_DIR');
  return [
    ...(runtime === undefined ? [] : [place('session', join(runtime, 'containers', 'auth.json'))]),
    ...(runtime === undefined && uid !== undefined
      ? [place('session', `/run/containers/${uid}/auth.json`)]
      : []),
    place('user', join(set('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers', 'auth.json')),
    place('docker', join(set('DOCKER_CONFIG') ?? join(home, '.docker'), 'config.json')),
    place('legacy', join(home, '.dockercfg')),
  ];
}
