import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { parseRegistry } from '../oci/index.js';
import type { Credential, LoginScope } from './types.js';

/** Variables of a process by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable with the content of a credential file. */
export const fileVariable = 'DOCKER_AUTH_CONFIG';

const registryVariable = 'ENGINESHED_AUTH_REGISTRY';
const usernameVariable = 'ENGINESHED_AUTH_USERNAME';
const passwordVariable = 'ENGINESHED_AUTH_PASSWORD';
const trio = [registryVariable, usernameVariable, passwordVariable] as const;

/** A login from the environment, and what it is for. */
export interface EnvironmentLogin {
  readonly scope: LoginScope;
  readonly credential: Credential;
}

/**
 * The login in `ENGINESHED_AUTH_REGISTRY` (`host[:port][/path]`), `ENGINESHED_AUTH_USERNAME` and `ENGINESHED_AUTH_PASSWORD`;
 * undefined where none of them is set.
 * @throws EngineshedError `CONFIG_INVALID` where one is missing or wrong
 */
export function environmentLogin(env: Environment): EnvironmentLogin | undefined {
  const missing = trio.filter((name) => !env[name]);
  if (missing.length === trio.length) return undefined;
  if (missing.length > 0) {
    const [one, ...others] = trio.filter((name) => env[name]);
    throw new EngineshedError(
      'CONFIG_INVALID',
      `${[one, ...others].join(' and ')} ${others.length === 0 ? 'is' : 'are'} set, but ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not`,
      { hint: `Set all three of ${trio.join(', ')}, or none.` },
    );
  }
  const [registry = '', username = '', password = ''] = trio.map((name) => env[name]);
  if (username.includes(':'))
    throw new EngineshedError('CONFIG_INVALID', `${usernameVariable} has a ":", which no user name can have`);
  return {
    scope: parseScope(registry),
    credential: { kind: 'password', username, password, origin: `the environment (${registryVariable})` },
  };
}

/** The environment without the logins in it, for child processes that have no use for them. */
export function withoutLogins(env: Environment): Record<string, string | undefined> {
  const logins: readonly string[] = [fileVariable, ...trio];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !logins.includes(name)));
}

function parseScope(text: string): LoginScope {
  try {
    return parseRegistry(text);
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_INVALID')) throw error;
    throw new EngineshedError('CONFIG_INVALID', `${registryVariable} is wrong: ${error.message}`, {
      hint: error.hint ?? 'Write host[:port][/path].',
      cause: error,
    });
  }
}
