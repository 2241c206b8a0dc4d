import { resolve } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { parsePrivateKey, readPrivateKeyFile, type SigningKey } from '../trust/index.js';
import type { Host } from './host.js';
import { askSecret, readSecret } from './secret-input.js';

/** The flags of commands that sign. */
export interface SigningFlags {
  readonly key?: string;
  readonly passwordStdin?: boolean;
}

/**
 * The private key that this run signs with: that of `--key`, else of ENGINESHED_SIGNING_KEY, which is a path or the key itself. Call it
 * before progress is shown, for it may ask on the terminal.
 * @throws EngineshedError `USAGE` where there is none, or nobody can be asked for its passphrase, and as `readPrivateKeyFile` and
 * `parsePrivateKey` do
 */
export async function openSigningKey(host: Host, flags: SigningFlags): Promise<SigningKey> {
  const { label, pem } = readKey(host, flags.key);
  return parsePrivateKey(pem, label, () => readPassphrase(host, flags, label));
}

/**
 * The passphrase of a key that is there.
 * @throws EngineshedError `USAGE` where nobody can be asked
 */
async function readPassphrase(host: Host, flags: SigningFlags, label: string): Promise<string> {
  const given = await givenPassphrase(host, flags);
  return given ?? requireAnswer(await askSecret(host, `Passphrase of ${label}: `));
}

/**
 * A passphrase for a new key, not empty.
 * @throws EngineshedError `USAGE`
 */
export async function newPassphrase(host: Host, flags: SigningFlags): Promise<string> {
  const given = await givenPassphrase(host, flags);
  const passphrase = given ?? requireAnswer(await askSecret(host, 'Passphrase for the new private key: '));
  if (passphrase === '')
    throw new EngineshedError('USAGE', 'The passphrase is empty', {
      hint: 'Everybody who finds the file could sign as you. A passphrase protects it.',
    });
  if (given === undefined && (await askSecret(host, 'The same again: ')) !== passphrase)
    throw new EngineshedError('USAGE', 'The two passphrases are not the same', {
      hint: 'Nothing was made. Try again.',
    });
  return passphrase;
}

async function givenPassphrase(host: Host, flags: SigningFlags): Promise<string | undefined> {
  if (flags.passwordStdin) return readSecret(host);
  const { ENGINESHED_SIGNING_PASSWORD } = host.environment;
  if (ENGINESHED_SIGNING_PASSWORD !== undefined) return ENGINESHED_SIGNING_PASSWORD;
  if (host.process.stdin.isTTY === true) return undefined;
  throw new EngineshedError('USAGE', 'There is no terminal to ask for the passphrase of the private key on', {
    hint: 'Set ENGINESHED_SIGNING_PASSWORD, or give it on standard input with --password-stdin.',
  });
}

function requireAnswer(answer: string | undefined): string {
  if (answer !== undefined) return answer;
  throw new EngineshedError('USAGE', 'No passphrase was given');
}

function readKey(host: Host, flag: string | undefined): { readonly label: string; readonly pem: string } {
  const { ENGINESHED_SIGNING_KEY } = host.environment;
  const given = flag ?? ENGINESHED_SIGNING_KEY;
  if (given === undefined || given === '')
    throw new EngineshedError('USAGE', 'No private key was named', {
      hint: 'Name its file with --key, or set ENGINESHED_SIGNING_KEY. A pair of keys is made by: engineshed trust generate-key-pair',
    });
  const isKey = given.includes('-----BEGIN ');
  if (isKey && flag !== undefined)
    throw new EngineshedError('USAGE', '--key takes the file of a key, and not the key', {
      hint: 'Other users see the arguments of a program. Put the key into ENGINESHED_SIGNING_KEY, or into a file.',
    });
  if (isKey) return { label: 'the key in ENGINESHED_SIGNING_KEY', pem: given };
  return { label: given, pem: readPrivateKeyFile(resolve(host.directory, given), host.userId) };
}
