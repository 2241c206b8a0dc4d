import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { editCredentialFile } from '../../src/credentials/edit.js';
import { parseCredentialFile, readCredentialFile } from '../../src/credentials/file.js';
import { credentialHelper } from '../../src/credentials/helper.js';
import { acquireLock, ownerOf } from '../../src/files/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const owner = ownerOf(process.pid);
const change = () => ({ auths: { 'ghcr.io': {} } });

describe('a credential file', () => {
  it('E03 is changed by one at a time, and its lock is given back', async () => {
    const path = `${temporaryDirectory()}/auth.json`;
    const lock = await acquireLock(`${path}.engineshed-lock`, 'shared', owner);
    let changed = false;
    const changing = editCredentialFile(path, owner, change).then(() => {
      changed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(changed).toBe(false);
    lock?.release();
    await changing;
    expect(existsSync(`${path}.engineshed-lock`)).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)('stays its owner’s where the administrator changes it', async () => {
    const path = `${temporaryDirectory()}/auth.json`;
    writeFileSync(path, '{}');
    chownSync(path, 65534, 65534);
    await editCredentialFile(path, owner, change);
    expect([statSync(path).uid, statSync(path).gid]).toEqual([65534, 65534]);
  });

  it('is none where a pipe or a directory is', { timeout: 10_000 }, async () => {
    const directory = temporaryDirectory();
    execFileSync('mkfifo', [`${directory}/pipe`]);
    for (const path of [`${directory}/pipe`, directory])
      await expect(editCredentialFile(path, owner, change)).rejects.toMatchObject({
        code: 'FILE_IN_THE_WAY',
      });
  });

  it('is none behind links that do not end', async () => {
    const directory = temporaryDirectory();
    for (let at = 0; at < 60; at++) symlinkSync(`${directory}/${at + 1}`, `${directory}/${at}`);
    await expect(editCredentialFile(`${directory}/0`, owner, change)).rejects.toMatchObject({
      code: 'FILE_IN_THE_WAY',
    });
  });

  it('is not read where it is too large, and what cannot be read is told', async () => {
    const path = `${temporaryDirectory()}/auth.json`;
    writeFileSync(path, Buffer.alloc(1024 * 1024 + 1, ' '));
    await expect(readCredentialFile(path, 'config')).rejects.toThrow('more than');
    await expect(readCredentialFile(temporaryDirectory(), 'config')).rejects.toThrow('cannot be read');
  });

  it.each([
    ['a line end in a password', { auth: Buffer.from('ada:x\r\nHost: y').toString('base64') }],
    ['a NUL in a user name', { auth: Buffer.from('a\0da:x').toString('base64') }],
    ['no user name', { auth: Buffer.from(':x').toString('base64') }],
    ['a line end in a token', { registrytoken: 'x\r\nHost: y' }],
    ['a blank in a token', { registrytoken: 'x y' }],
    ['another form', { auth: 5 }],
  ])('has no login with %s', (_, entry) => {
    const json = Buffer.from(JSON.stringify({ auths: { 'ghcr.io': entry } }));
    const file = parseCredentialFile(json, 'x', 'config');
    expect(() => file.login('ghcr.io')).toThrow(expect.objectContaining({ code: 'CREDENTIALS_FAILED' }));
  });
});

describe('a credential helper', () => {
  const helper = (script: string) => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/docker-credential-test`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return credentialHelper('test', { env: { PATH: `${directory}:/usr/bin:/bin` } });
  };

  it('has a plain name', async () => {
    for (const name of ['a/b', '../x', '-x', ''])
      await expect(credentialHelper(name, { env: {} }).get('ghcr.io'), name).rejects.toThrow('plain name');
  });

  it('whose answers do not end is ended', { timeout: 20_000 }, async () => {
    await expect(helper('exec yes').get('ghcr.io')).rejects.toThrow('does not end');
  });

  it('that did not store a login does not say that it has none', async () => {
    const none = helper('cat > /dev/null; echo "credentials not found in native keychain"; exit 1');
    expect(await none.get('ghcr.io')).toBe(undefined);
    const login = { username: 'ada', secret: 'x' };
    await expect(none.store('ghcr.io', login), 'not stored').rejects.toMatchObject({
      code: 'CREDENTIALS_FAILED',
    });
  });
});
