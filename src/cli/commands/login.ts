import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed login` */
export const login = buildCommand({
  docs: {
    brief: 'Log in to a registry, or list the logins',
    fullDescription:
      'Tries the login at REGISTRY and keeps it where Docker, Podman and Skopeo find it too: in the credential file that has, or is to ' +
      'have, the logins for REGISTRY, or in the credential helper that it names. With a PATH it counts for the repositories below it ' +
      'only. The password is asked for on a terminal, or comes by standard input. Without REGISTRY the logins are listed, without secrets.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The registry', parse: String, placeholder: 'REGISTRY[/PATH]', optional: true }],
    },
    flags: {
      username: {
        kind: 'parsed',
        parse: String,
        brief: 'The user name; without it, it is asked for',
        placeholder: 'NAME',
        optional: true,
      },
      passwordStdin: {
        kind: 'boolean',
        brief: 'Read the password, or an access token, from standard input',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
    aliases: { u: 'username' },
  },
  loader: async () => (await import('../run/login.js')).login,
});
