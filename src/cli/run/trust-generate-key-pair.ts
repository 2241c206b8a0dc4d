import { existsSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EngineshedError, fromNamedPath } from '../../errors/index.js';
import { syncDirectory, writeNewFile } from '../../files/index.js';
import { generateKeyPair as makeKeyPair } from '../../trust/index.js';
import type { Host } from '../host.js';
import { printJson, printLine } from '../output.js';
import { newPassphrase } from '../signing-key.js';

/** The flags of `engineshed trust generate-key-pair`. */
interface GenerateFlags {
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** Makes a pair of keys. */
export async function generateKeyPair(this: Host, flags: GenerateFlags, name = 'engineshed'): Promise<void> {
  const paths = {
    private: resolve(this.directory, `${name}.key`),
    public: resolve(this.directory, `${name}.pub`),
  };
  // Before anybody types a passphrase.
  for (const path of Object.values(paths)) if (existsSync(path)) throw inTheWay(path);
  const { privatePem, publicPem, id } = await makeKeyPair(await newPassphrase(this, flags));
  writeKey(paths.private, privatePem, 0o600);
  try {
    writeKey(paths.public, publicPem, 0o644);
  } catch (error) {
    rmSync(paths.private, { force: true });
    throw error;
  }
  if (flags.json) {
    printJson(this, { id, privateKey: paths.private, publicKey: paths.public });
    return;
  }
  printLine(this, `${name}.key  the private key: keep it, and its passphrase, where nobody else gets them`);
  printLine(this, `${name}.pub  the public key: give it to who is to trust you`);
  printLine(this, `${'id'.padEnd(name.length + '.key'.length)}  ${id}`);
}

function writeKey(path: string, pem: string, mode: number): void {
  try {
    writeNewFile(path, pem, mode);
    syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inTheWay(path);
    rmSync(path, { force: true });
    throw fromNamedPath({ what: 'directory', path: dirname(path), purpose: 'for the pair of keys' }, error);
  }
}

function inTheWay(path: string): EngineshedError {
  return new EngineshedError('FILE_IN_THE_WAY', `${path} is there already, and a key is never replaced`, {
    hint: 'Give the pair another name: engineshed trust generate-key-pair NAME',
    details: { path },
  });
}
