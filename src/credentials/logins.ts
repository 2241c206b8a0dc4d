import { stat } from 'node:fs/promises';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Owner } from '../files/index.js';
import { editCredentialFile, withLogin, withoutLogin } from './edit.js';
import { type CredentialFile, readCredentialFile } from './file.js';
import type { CredentialHelper } from './helper.js';
import { helperServer, normalRegistry, scopeKey, writtenKey } from './keys.js';
import { credentialPlaces, type Place } from './places.js';
import { askHelper, type CredentialSourceOptions, findInFile, helpersIn, identityUser } from './source.js';
import type { LoginScope, StorableLogin } from './types.js';

/** What storing and removing logins needs to know of the world. */
export interface LoginStoreOptions extends CredentialSourceOptions {
  /** This process, for locks. */
  readonly owner: Owner;
}

/** Where a login is kept: in a file, or by a helper that the file names. */
export interface LoginPlace {
  readonly path: string;
  readonly helper?: string | undefined;
}

/**
 * Stores a login where later requests find it first, as Docker and Podman do (docs/decisions/0013): in the first file, in the
 * order of reading, that has a login for the scope already; else in Docker's file where there is one, else in Podman's lasting one.
 * Where that file names a helper for the registry, the helper keeps the login and the file keeps none. Docker knows no logins for
 * a path, so those go into Podman's files.
 * @returns where it is
 * @throws EngineshedError `CREDENTIALS_FAILED`, `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export async function storeLogin(
  options: LoginStoreOptions,
  scope: LoginScope,
  login: StorableLogin,
): Promise<LoginPlace> {
  const { path } = await placeFor(options, scope);
  const registry = normalRegistry(scope.registry);
  const file = await readCredentialFile(path, 'config');
  const forRegistry = file?.helpers.get(registry);
  if (scope.path !== '' && forRegistry !== undefined) throw registryOnly(scope, forRegistry, path);
  const helper = forRegistry ?? (scope.path === '' ? file?.store : undefined);
  if (helper === undefined) {
    const key = writtenKey(scope);
    await editCredentialFile(path, options.owner, (content) => withLogin(content, key, login));
    return { path };
  }
  const secret = login.kind === 'password' ? login.password : login.token;
  const username = login.kind === 'password' ? login.username : identityUser;
  await helperIn(options, helper).store(helperServer(registry), { username, secret });
  // What stands in the file would be found before what the helper has.
  await forget(options, path, file, scope);
  return { path, helper };
}

/**
 * Removes the logins for exactly this scope from every file that is read, and from the helpers that they name. A helper that cannot
 * be asked is reported, and does not keep the others.
 * @returns where there was one
 * @throws EngineshedError `CREDENTIALS_FAILED`, `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export async function removeLogin(options: LoginStoreOptions, scope: LoginScope): Promise<LoginPlace[]> {
  const removed: LoginPlace[] = [];
  for (const { path, form } of credentialPlaces(options)) {
    if (form === 'legacy') continue;
    const file = await readCredentialFile(path, form);
    const registry = normalRegistry(scope.registry);
    const helpers = scope.path === '' ? [file?.helpers.get(registry), file?.store] : [];
    for (const helper of new Set(helpers)) {
      if (helper !== undefined && (await erase(options, helper, registry))) removed.push({ path, helper });
    }
    if (await forget(options, path, file, scope)) removed.push({ path });
  }
  return removed;
}

/** The place where a login for the scope is to stand. */
async function placeFor(options: LoginStoreOptions, scope: LoginScope): Promise<Place> {
  const writable = credentialPlaces(options).filter(
    ({ role }) => role !== 'legacy' && !(role === 'docker' && scope.path !== ''),
  );
  for (const place of writable) if (await appliesIn(options, place, scope)) return place;
  const docker = writable.find(({ role }) => role === 'docker');
  if (docker !== undefined && (await exists(docker.path))) return docker;
  const lasting = writable.find(({ role }) => role === 'user' || role === 'chosen');
  if (lasting === undefined) throw new EngineshedError('INTERNAL', 'There is no place for a login');
  return lasting;
}

/** Whether a file has, or names a helper for, what would be found for the scope. */
async function appliesIn(options: LoginStoreOptions, place: Place, scope: LoginScope): Promise<boolean> {
  const file = await readCredentialFile(place.path, place.form);
  if (file === undefined) return false;
  const registry = normalRegistry(scope.registry);
  if (file.helpers.has(registry) || file.keys.includes(scopeKey(scope))) return true;
  const found = await findInFile(file, place.path, registry, scope.path, async (name, ...rest) => {
    try {
      return await askHelper(options.helper ?? helpersIn(options), name, ...rest);
    } catch (error) {
      if (isEngineshedError(error, 'CREDENTIALS_FAILED')) return undefined;
      throw error;
    }
  });
  return found !== undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

async function erase(options: LoginStoreOptions, name: string, registry: string): Promise<boolean> {
  const helper = helperIn(options, name);
  const server = helperServer(registry);
  try {
    if ((await helper.get(server)) === undefined) return false;
    await helper.erase(server);
    return true;
  } catch (error) {
    if (!isEngineshedError(error, 'CREDENTIALS_FAILED')) throw error;
    options.report?.({ type: 'warning', message: error.message });
    return false;
  }
}

/** Takes a scope's entry out of a file; returns whether there was a login in it. */
async function forget(
  options: LoginStoreOptions,
  path: string,
  file: CredentialFile | undefined,
  scope: LoginScope,
): Promise<boolean> {
  const key = scopeKey(scope);
  if (!file?.keys.includes(key)) return false;
  await editCredentialFile(path, options.owner, (content) => withoutLogin(content, key));
  return hasLogin(file, key);
}

/** An entry that cannot be read is one, too. Docker leaves empty ones for what its helpers have. */
function hasLogin(file: CredentialFile, key: string): boolean {
  try {
    return file.login(key) !== undefined;
  } catch (error) {
    if (isEngineshedError(error, 'CREDENTIALS_FAILED')) return true;
    throw error;
  }
}

function helperIn(options: LoginStoreOptions, name: string): CredentialHelper {
  return (options.helper ?? helpersIn(options))(name);
}

function registryOnly(scope: LoginScope, helper: string, path: string): EngineshedError {
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `${path} leaves the logins for ${scope.registry} to the credential helper "${helper}", which knows whole registries only`,
    { hint: `Log in to ${scope.registry}, or name another file with REGISTRY_AUTH_FILE.`, details: { path } },
  );
}
