import { join } from 'node:path';
import type { Credential, CredentialSource } from './credential.js';
import {
  type CredentialFile,
  credentialKeys,
  helperServer,
  normalRegistry,
  readCredentialFile,
} from './credential-file.js';

/** Asks a credential helper: `name` without `docker-credential-`, `server` as the helper knows the registry. */
export type HelperRunner = (
  name: string,
  server: string,
) => Promise<{ username: string; secret: string } | undefined>;

/** What a credential source needs to know of the world. */
export interface CredentialSourceOptions {
  /** `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME` and `DOCKER_CONFIG` are read; helpers get all of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home: string;
  /** The user's number, where the system has such: Podman's file lies in `/run/containers/UID` without `XDG_RUNTIME_DIR`. */
  readonly uid?: number | undefined;
  /** Runs credential helpers in another way than as child processes. */
  readonly runHelper?: HelperRunner | undefined;
}

/**
 * The logins in the files of Podman, Skopeo and Docker, and in the helpers that they name. Each file is read once, when
 * it is first needed.
 *
 * The order is Podman's: `$REGISTRY_AUTH_FILE` alone where it is set, else `$XDG_RUNTIME_DIR/containers/auth.json`,
 * `$XDG_CONFIG_HOME/containers/auth.json` (`~/.config`), `$DOCKER_CONFIG/config.json` (`~/.docker`). The first file with a
 * login counts. In a file: the helper for that registry (`credHelpers`), then `auths` with the most specific key first
 * (containers-auth.json(5): `host/namespace/repository`, ..., `host`), then the helper for all (`credsStore`).
 */
export function credentialSource(options: CredentialSourceOptions): CredentialSource {
  const places = credentialPlaces(options);
  const runHelper =
    options.runHelper ??
    (async (name, server) => {
      const { runCredentialHelper } = await import('./helper.js');
      return runCredentialHelper(name, server, { env: options.env });
    });
  const files = new Map<string, Promise<CredentialFile | undefined>>();
  const found = new Map<string, Promise<Credential | undefined>>();

  const read = (path: string) => remembered(files, path, () => readCredentialFile(path));

  const ask = async (name: string, registry: string, path: string): Promise<Credential | undefined> => {
    const login = await runHelper(name, helperServer(registry));
    if (login === undefined) return undefined;
    const origin = `the credential helper "${name}" (named in ${path})`;
    return login.username === '<token>'
      ? { kind: 'identityToken', username: login.username, token: login.secret, origin }
      : { kind: 'password', username: login.username, password: login.secret, origin };
  };

  const search = async (registry: string, repository: string | undefined) => {
    for (const path of places) {
      const file = await read(path);
      if (file === undefined) continue;
      const helper = file.helpers.get(registry);
      const credential =
        (helper === undefined ? undefined : await ask(helper, registry, path)) ??
        credentialKeys(registry, repository)
          .map((key) => file.login(key))
          .find((login) => login !== undefined) ??
        (file.store === undefined ? undefined : await ask(file.store, registry, path));
      if (credential !== undefined) return credential;
    }
    return undefined;
  };

  return {
    places,
    find(registry, repository) {
      const name = normalRegistry(registry);
      return remembered(found, `${name}/${repository ?? ''}`, () => search(name, repository));
    },
  };
}

/** A source that knows no login. */
export const noCredentials: CredentialSource = { places: [], find: async () => undefined };

function credentialPlaces({ env, home, uid }: CredentialSourceOptions): string[] {
  const set = (name: string) => env[name] || undefined;
  const chosen = set('REGISTRY_AUTH_FILE');
  if (chosen !== undefined) return [chosen];
  const runtime = set('XDG_RUNTIME_DIR');
  return [
    ...(runtime === undefined ? [] : [join(runtime, 'containers', 'auth.json')]),
    ...(runtime === undefined && uid !== undefined ? [`/run/containers/${uid}/auth.json`] : []),
    join(set('XDG_CONFIG_HOME') ?? join(home, '.config'), 'containers', 'auth.json'),
    join(set('DOCKER_CONFIG') ?? join(home, '.docker'), 'config.json'),
  ];
}

function remembered<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = memory.get(key) ?? make();
  memory.set(key, known);
  return known;
}
