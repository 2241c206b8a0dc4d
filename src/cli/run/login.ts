import type { Reporter } from '../../content/index.js';
import {
  credentialSource,
  type LoginPlace,
  type LoginScope,
  listLogins,
  scopeKey,
  storeLogin,
} from '../../credentials/index.js';
import { EngineshedError } from '../../errors/index.js';
import { parseRegistry } from '../../oci/index.js';
import type { LoginAttempt, LoginResult } from '../../registry/index.js';
import { openCatalogs } from '../catalogs.js';
import { loginOptions } from '../credentials.js';
import type { Host } from '../host.js';
import { printJson, printLine, printWarning, withProgress } from '../output.js';
import { isOffline, openRegistries } from '../runtime.js';
import { askLine, askSecret, readSecret } from '../secret-input.js';
import { printTable } from '../table.js';

/** The flags of `engineshed login`. */
interface LoginFlags {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** Logs in to a registry; without one, lists the logins. */
export async function login(this: Host, flags: LoginFlags, registry?: string): Promise<void> {
  if (registry === undefined) return list(this, flags);
  const scope = parseRegistry(registry);
  if (isOffline(this, {})) {
    throw new EngineshedError(
      'OFFLINE',
      `The login at ${scope.registry} cannot be tried, and the network is not to be used`,
      {
        hint: 'Unset ENGINESHED_OFFLINE.',
      },
    );
  }
  const attempt = await readAttempt(this, flags, scope);
  if (attempt === undefined) {
    // Ctrl-C or Ctrl-D at the prompt.
    this.process.exitCode = 130;
    return;
  }
  const { result, place } = await withProgress(this, async (report) => {
    const result = await check(this, scope, attempt, report);
    return { result, place: await storeLogin(loginOptions(this, report), scope, result.login) };
  });
  const { username } = attempt;
  const isVerified = result.outcome === 'verified';
  if (flags.json) {
    const { kind } = result.login;
    printJson(this, { registry: scopeKey(scope), username, kind, verified: isVerified, storedIn: place });
  } else {
    if (!isVerified)
      printLine(
        this,
        `${scope.registry} needs no login: it answers without one, so this one was not checked`,
      );
    printLine(this, `Logged in to ${scopeKey(scope)} as ${username}; stored in ${placeName(place)}`);
  }
  await warn(this, scope, place);
}

/** The words for where a login is. */
export function placeName({ path, helper }: LoginPlace): string {
  return helper === undefined ? path : `the credential helper "${helper}" (named in ${path})`;
}

async function list(host: Host, flags: LoginFlags): Promise<void> {
  if (flags.username !== undefined || flags.passwordStdin) {
    throw new EngineshedError('USAGE', 'A login is for a registry, and none is named', {
      hint: 'Write: engineshed login REGISTRY --username NAME',
    });
  }
  const logins = await withProgress(host, (report) => listLogins(loginOptions(host, report)));
  if (flags.json) printJson(host, { logins });
  else if (logins.length === 0)
    printLine(host, 'There are no logins. Log in with: engineshed login REGISTRY');
  else {
    const rows = logins.map(({ registry, username, origin }) => [registry, username ?? '-', origin]);
    printTable(host, ['REGISTRY', 'USER', 'FROM'], rows);
  }
}

async function check(
  host: Host,
  scope: LoginScope,
  attempt: LoginAttempt,
  report: Reporter,
): Promise<LoginResult> {
  const client = openRegistries(host, await openCatalogs(host, undefined), {}, report);
  try {
    return await client.checkLogin(scope.registry, attempt);
  } finally {
    client.close();
  }
}

/** Undefined where the user gave up at a prompt. */
async function readAttempt(
  host: Host,
  flags: LoginFlags,
  scope: LoginScope,
): Promise<LoginAttempt | undefined> {
  if (flags.passwordStdin) {
    if (flags.username === undefined) {
      throw new EngineshedError('USAGE', '--password-stdin needs --username', {
        hint: `Write: engineshed login ${scopeKey(scope)} --username NAME --password-stdin`,
      });
    }
    return checked(flags.username, await readSecret(host));
  }
  if (host.process.stdin.isTTY !== true) {
    throw new EngineshedError('USAGE', 'There is no terminal to ask for the password on', {
      hint: `Give it on standard input: engineshed login ${scopeKey(scope)} --username ${flags.username ?? 'NAME'} --password-stdin`,
    });
  }
  const username = flags.username ?? (await askLine(host, `User name for ${scopeKey(scope)}: `));
  if (username === undefined) return undefined;
  checkUsername(username);
  const password = await askSecret(host, `Password of ${username}: `);
  return password === undefined ? undefined : checked(username, password);
}

function checked(username: string, password: string): LoginAttempt {
  checkUsername(username);
  if (password === '') throw new EngineshedError('USAGE', 'The password is empty');
  if (hasControls(password)) {
    throw new EngineshedError('USAGE', 'The password has a line break or another control character', {
      hint: 'Give the password alone; one line break at its end is left out.',
    });
  }
  return { username, password };
}

function checkUsername(username: string): void {
  if (username === '' || username.includes(':') || hasControls(username))
    throw new EngineshedError('USAGE', 'A user name is not empty and has no ":" or control character');
}

function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** What the user should know of a login that was stored. */
async function warn(host: Host, scope: LoginScope, place: LoginPlace): Promise<void> {
  if (place.helper === undefined)
    printWarning(host, `the login is not encrypted in ${place.path}; a credential helper keeps it safer`);
  const options = loginOptions(host, () => undefined);
  const found = await credentialSource(options).find(scope.registry, scope.path);
  if (found !== undefined && found.origin !== placeName(place))
    printWarning(host, `another login comes first: that in ${found.origin}`);
}
