import { isEngineshedError } from '../errors/index.js';
import { environmentLogin, fileVariable } from './environment.js';
import { type CredentialFile, parseCredentialFile, readCredentialFile } from './file.js';
import { normalKey, scopeKey } from './keys.js';
import { credentialPlaces } from './places.js';
import { type CredentialSourceOptions, helpersIn, identityUser } from './source.js';

/** A login that is known, without its secret. */
export interface ListedLogin {
  /** What it is for: `host[:port][/path]`. */
  readonly registry: string;
  /** The user; undefined where only the secret is known, as for tokens. */
  readonly username: string | undefined;
  /** The variable, file or helper that has it. */
  readonly origin: string;
}

/**
 * All logins that are known, in the order in which they are looked for. A helper that cannot be asked is reported.
 * @throws EngineshedError `CREDENTIALS_FAILED`, `CONFIG_INVALID`
 */
export async function listLogins(options: CredentialSourceOptions): Promise<ListedLogin[]> {
  const own = environmentLogin(options.env);
  const listed: ListedLogin[] = [];
  if (own !== undefined) {
    const { username, origin } = own.credential;
    listed.push({ registry: scopeKey(own.scope), username: shownUser(username), origin });
  }
  const variable = options.env[fileVariable];
  if (variable) {
    const file = parseCredentialFile(Buffer.from(variable), fileVariable, 'config');
    listed.push(...(await loginsIn(options, file, fileVariable)));
  }
  for (const { path, form } of credentialPlaces(options)) {
    const file = await readCredentialFile(path, form);
    if (file !== undefined) listed.push(...(await loginsIn(options, file, path)));
  }
  return listed;
}

async function loginsIn(
  options: CredentialSourceOptions,
  file: CredentialFile,
  path: string,
): Promise<ListedLogin[]> {
  const names = new Set([...file.helpers.values(), ...(file.store === undefined ? [] : [file.store])]);
  const kept = await Promise.all(
    [...names].map(async (name) => {
      const isAsked = (registry: string) => name === file.store || file.helpers.get(registry) === name;
      const servers = [...(await listHelper(options, name))].map(([server, user]) => [
        normalKey(server),
        user,
      ]);
      return servers
        .filter(([registry = '']) => isAsked(registry))
        .map(([registry = '', user]) => ({
          registry,
          username: shownUser(user),
          origin: `the credential helper "${name}" (named in ${path})`,
        }));
    }),
  );
  const inFile = file.keys.flatMap((key) => {
    const login = file.login(key);
    return login === undefined ? [] : [{ registry: key, username: shownUser(login.username), origin: path }];
  });
  return [...kept.flat(), ...inFile];
}

async function listHelper(
  options: CredentialSourceOptions,
  name: string,
): Promise<ReadonlyMap<string, string>> {
  try {
    return await (options.helper ?? helpersIn(options))(name).list();
  } catch (error) {
    if (!isEngineshedError(error, 'CREDENTIALS_FAILED')) throw error;
    options.report?.({ type: 'warning', message: error.message });
    return new Map();
  }
}

function shownUser(username: string | undefined): string | undefined {
  return username === '' || username === identityUser ? undefined : username;
}
