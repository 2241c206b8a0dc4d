import { buildCommand, buildRouteMap, numberParser } from '@stricli/core';
import type { Host } from '../host.js';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

const imageArgument = {
  brief:
    'The image, a release too: registry/repository[:tag][@digest], oci:DIR:tag or oci-archive:FILE[:tag]',
  parse: String,
  placeholder: 'REF',
} as const;

const engineOrImage = {
  brief: 'An engine, or an image',
  parse: String,
  placeholder: 'ENGINE|REF',
} as const;

/** The private key to sign with. */
export const signingKeyFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'The file of the private key, by default what ENGINESHED_SIGNING_KEY has',
  placeholder: 'FILE',
  optional: true,
} as const;

/** Where the passphrase of the private key comes from. */
export const passwordStdinFlag = {
  kind: 'boolean',
  brief: 'Read the passphrase of the private key from standard input',
  optional: true,
  withNegated: false,
} as const;

const generateKeyPair = buildCommand({
  docs: {
    brief: 'Make a pair of keys to sign with',
    fullDescription:
      'Makes NAME.key, the private key, and NAME.pub, the public one, ECDSA on P-256; a file that is there is never replaced. The ' +
      'private key is encrypted with a passphrase, which is asked for on a terminal, or comes from ENGINESHED_SIGNING_PASSWORD or by ' +
      "standard input. Both files are in cosign's form.",
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'What the files are called, "engineshed" by default',
          parse: String,
          placeholder: 'NAME',
          optional: true,
        },
      ],
    },
    flags: { passwordStdin: passwordStdinFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/trust-generate-key-pair.js')).generateKeyPair,
});

const publicKey = buildCommand({
  docs: {
    brief: 'Print the public key of a private key',
    fullDescription: 'For who has lost the file with the public key, or has the private one from openssl.',
  },
  parameters: {
    flags: { key: signingKeyFlag, passwordStdin: passwordStdinFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/trust-public-key.js')).publicKey,
});

const sign = buildCommand({
  docs: {
    brief: 'Sign an image',
    fullDescription:
      'Signs the digest that REF stands for, and attaches the signature to it where it is, as "cosign sign" does: "cosign verify ' +
      '--key" accepts it. The image does not change. Signed with the same key a second time, nothing happens. No transparency log is ' +
      'asked. The key is one of "engineshed trust generate-key-pair" or cosign, or a PEM file of openssl.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [imageArgument] },
    flags: {
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be signed, and change nothing',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/trust-sign.js')).sign,
});

const verify = buildCommand({
  docs: {
    brief: 'Verify who signed an image',
    fullDescription:
      'Ends with 0 where the digest that REF stands for is signed by enough of the keys, or as all policies for it ask where no key is ' +
      'named, and with 76 where it is not. What "cosign sign --key" signed counts too. For a file of "engineshed export", every image of ' +
      'the engine in it is verified, without a network.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [imageArgument] },
    flags: {
      key: {
        kind: 'parsed',
        parse: String,
        brief: 'The file of a public key that may have signed (repeatable)',
        placeholder: 'FILE',
        optional: true,
        variadic: true,
      },
      threshold: {
        kind: 'parsed',
        parse: parseThreshold,
        brief: 'How many different keys have to have signed, 1 by default',
        placeholder: 'NUMBER',
        optional: true,
      },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/trust-verify.js')).verify,
});

const show = buildCommand({
  docs: {
    brief: 'Print whose signatures are asked for, and what was seen of channels',
    fullDescription:
      'The policies of [trust.NAME] in the configuration files, with their keys; those that are for an engine or an image where one is ' +
      'named. Then what was last seen of channels that a policy asks proof of, and what somebody accepted of them.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ ...engineOrImage, optional: true }],
    },
    flags: { json: jsonFlag },
  },
  loader: async () => (await import('../run/trust-show.js')).showTrust,
});

const accept = buildCommand({
  docs: {
    brief: 'Take what a channel leads to, though it went back or is too old',
    fullDescription:
      'For channels that a policy asks proof of: an earlier step than was seen here, another release under the same number, or a step ' +
      'whose time is over counts as seen from then on. Who took it, and when, is recorded; see "engineshed trust show". What is not ' +
      'signed cannot be taken. Name an image with tag and digest to take just that.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [engineOrImage] },
    flags: {
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be accepted, and write nothing',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/trust-accept.js')).acceptChannels,
});

/** `engineshed trust` */
export const trust = buildRouteMap<string, Host>({
  routes: { 'generate-key-pair': generateKeyPair, 'public-key': publicKey, sign, verify, show, accept },
  docs: { brief: 'Sign images, verify who signed them, and see whose signatures are asked for' },
});

function parseThreshold(text: string): number {
  const count = numberParser(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) throw new Error('it is a number from 1 to 64');
  return count;
}
