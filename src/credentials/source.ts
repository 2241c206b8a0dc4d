import type { Reporter } from '../content/index.js';
import { type EngineshedError, isEngineshedError } from '../errors/index.js';
import { environmentLogin, fileVariable } from './environment.js';
import { type CredentialFile, parseCredentialFile, readCredentialFile } from './file.js';
import { credentialHelper, type HelperOf } from './helper.js';
import { credentialKeys, helperServer, normalRegistry, scopeKey } from './keys.js';
import { credentialPlaces, type PlacesOptions } from './places.js';
import type { Credential, CredentialSource } from './types.js';

/** What a credential source needs to know of the world. */
export interface CredentialSourceOptions extends PlacesOptions {
  /** Gives credential helpers in another way than as child processes. */
  readonly helper?: HelperOf | undefined;
  /** Told once of each helper that cannot be asked. */
  readonly report?: Reporter | undefined;
}

/**
 * The logins in the environment, in the files of Podman, Skopeo and Docker, and in the helpers that they name. Each file is read
 * once, when it is first needed, and each helper asked once for a registry.
 *
 * The order: `ENGINESHED_AUTH_*`, `DOCKER_AUTH_CONFIG`, then Podman's: `$REGISTRY_AUTH_FILE` alone where it is set, else
 * `$XDG_RUNTIME_DIR/containers/auth.json`, `$XDG_CONFIG_HOME/containers/auth.json` (`~/.config`), `$DOCKER_CONFIG/config.json`
 * (`~/.docker`), `~/.dockercfg`. The first with a login counts; in a file as {@link findInFile} says.
 *
 * A helper that cannot be asked is no error here: the content may be there for everybody. It is reported, and `fault` tells it.
 * @throws EngineshedError `CONFIG_INVALID` where `ENGINESHED_AUTH_*` is incomplete or wrong
 */
export function credentialSource(options: CredentialSourceOptions): CredentialSource {
  const { env, helper = helpersIn(options) } = options;
  const own = environmentLogin(env);
  const inVariable = env[fileVariable] || undefined;
  const places = credentialPlaces(options);
  const files = new Map<string, Promise<CredentialFile | undefined>>();
  const found = new Map<string, Promise<Credential | undefined>>();
  const asked = new Map<string, Promise<Credential | undefined>>();
  const faults = new Map<string, EngineshedError>();
  const reported = new Set<string>();

  const readers: { readonly path: string; read(): Promise<CredentialFile | undefined> }[] = [
    ...(inVariable === undefined
      ? []
      : [
          {
            path: fileVariable,
            read: async () => parseCredentialFile(Buffer.from(inVariable), fileVariable, 'config'),
          },
        ]),
    ...places.map(({ path, form }) => ({ path, read: () => readCredentialFile(path, form) })),
  ];

  const ask: AskHelper = (name, registry, path) =>
    remembered(asked, JSON.stringify([name, registry]), async () => {
      try {
        return await askHelper(helper, name, registry, path);
      } catch (error) {
        if (!isEngineshedError(error, 'CREDENTIALS_FAILED')) throw error;
        if (!faults.has(registry)) faults.set(registry, error);
        if (!reported.has(name)) options.report?.({ type: 'warning', message: error.message });
        reported.add(name);
        return undefined;
      }
    });

  const search = async (registry: string, repository: string | undefined) => {
    if (own !== undefined && credentialKeys(registry, repository).includes(scopeKey(own.scope)))
      return own.credential;
    for (const { path, read } of readers) {
      const file = await remembered(files, path, read);
      if (file === undefined) continue;
      const credential = await findInFile(file, path, registry, repository, ask);
      if (credential !== undefined) return credential;
    }
    return undefined;
  };

  return {
    places: readers.map(({ path }) => path),
    find(registry, repository) {
      const name = normalRegistry(registry);
      return remembered(found, `${name}/${repository ?? ''}`, () => search(name, repository));
    },
    fault: (registry) => faults.get(normalRegistry(registry)),
  };
}

/** The helpers as child processes with this environment. */
export function helpersIn({ env }: PlacesOptions): HelperOf {
  return (name) => credentialHelper(name, { env });
}

/** A source that knows no login. */
export const noCredentials: CredentialSource = { places: [], find: async () => undefined };

/** Asks a helper, named in a file, for the login of a registry in normal form. */
export type AskHelper = (name: string, registry: string, path: string) => Promise<Credential | undefined>;

/** {@link AskHelper}, with the failures of the helper. */
export async function askHelper(
  helper: HelperOf,
  name: string,
  registry: string,
  path: string,
): Promise<Credential | undefined> {
  const login = await helper(name).get(helperServer(registry));
  if (login === undefined) return undefined;
  const origin = `the credential helper "${name}" (named in ${path})`;
  return login.username === identityUser
    ? { kind: 'identityToken', username: login.username, token: login.secret, origin }
    : { kind: 'password', username: login.username, password: login.secret, origin };
}

/** The user name by which helpers know an identity token. */
export const identityUser = '<token>';

/**
 * The login for a registry, in normal form, and a repository in one file: the helper for that registry (`credHelpers`), then `auths`
 * with the most specific key first (`host/namespace/repository`, ..., `host`), then the helper for all (`credsStore`).
 */
export async function findInFile(
  file: CredentialFile,
  path: string,
  registry: string,
  repository: string | undefined,
  ask: AskHelper,
): Promise<Credential | undefined> {
  const helper = file.helpers.get(registry);
  return (
    (helper === undefined ? undefined : await ask(helper, registry, path)) ??
    credentialKeys(registry, repository)
      .map((key) => file.login(key))
      .find((login) => login !== undefined) ??
    (file.store === undefined ? undefined : await ask(file.store, registry, path))
  );
}

function remembered<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = memory.get(key) ?? make();
  memory.set(key, known);
  return known;
}
