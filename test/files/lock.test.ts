import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  acquireLock,
  isAlive,
  type Owner,
  ownedName,
  ownerOf,
  parseOwnedName,
} from '../../src/files/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const worker = fileURLToPath(new URL('lock-worker.mjs', import.meta.url));

function work(directory: string, rounds: number) {
  const child = spawn(process.execPath, [worker, directory, String(rounds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const ended = new Promise<string>((resolve) => child.on('close', () => resolve(output)));
  return { child, ended };
}

/** An owner that is certainly dead: this process's number with another start. */
const dead: Owner = { ...ownerOf(process.pid), start: '1' };

describe('owners', () => {
  it('are read back from the names that tell them', () => {
    const owner = ownerOf(process.pid);
    expect(parseOwnedName(ownedName(owner))).toEqual(owner);
    expect(parseOwnedName('something-else')).toBeUndefined();
  });

  it('of a process number that was given away again are dead', () => {
    expect(isAlive(ownerOf(process.pid), '/', Date.now)).toBe(true);
    expect(isAlive(dead, '/', Date.now)).toBe(false);
  });

  it('in another container live as long as they give signs', () => {
    const directory = temporaryDirectory();
    const elsewhere: Owner = { ...ownerOf(process.pid), place: '0123456789ab' };
    writeFileSync(`${directory}/sign`, '');
    expect(isAlive(elsewhere, `${directory}/sign`, Date.now)).toBe(true);
    expect(isAlive(elsewhere, `${directory}/sign`, () => Date.now() + 61_000)).toBe(false);
    expect(isAlive(elsewhere, `${directory}/missing`, Date.now)).toBe(false);
  });
});

describe('acquireLock', () => {
  it('lets shared holders in together and keeps an exclusive one out', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const first = await acquireLock(directory, 'shared', owner);
    const second = await acquireLock(directory, 'shared', owner, { whenBusy: 'fail' });
    expect(second).toBeDefined();
    expect(await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' })).toBeUndefined();
    first?.release();
    second?.release();
    const exclusive = await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
    expect(exclusive).toBeDefined();
    expect(await acquireLock(directory, 'shared', owner, { whenBusy: 'fail' })).toBeUndefined();
    exclusive?.release();
  });

  it('E08 lets nobody else make claims, whatever the umask', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const umask = process.umask(0);
    try {
      const lock = await acquireLock(directory, 'shared', ownerOf(process.pid));
      expect(statSync(directory).mode & 0o022).toBe(0);
      lock?.release();
    } finally {
      process.umask(umask);
    }
  });

  it('is not stopped by the claims of the dead, and sweeps them', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    mkdirSync(directory);
    for (let at = 0; at < 5; at++) writeFileSync(`${directory}/exclusive.${ownedName(dead)}`, '');
    const lock = await acquireLock(directory, 'exclusive', ownerOf(process.pid), { whenBusy: 'fail' });
    expect(lock).toBeDefined();
    expect(readdirSync(directory)).toHaveLength(1);
    lock?.release();
  });

  it('E02 does not let a process wait for a claim of its own that it could not remove', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const lock = await acquireLock(directory, 'exclusive', owner);
    // A directory cannot be removed as a file is.
    const claim = `${directory}/${readdirSync(directory)[0]}`;
    rmSync(claim);
    mkdirSync(claim);
    expect(() => lock?.release()).toThrow(claim);
    expect(readdirSync(directory)).toHaveLength(1);
    const again = await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
    expect(again).toBeDefined();
    again?.release();
  });

  it('never lets two in, whoever is killed', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const steady = Array.from({ length: 4 }, () => work(directory, 15));
    const doomed = Array.from({ length: 4 }, () => work(directory, 1000));
    for (const { child } of doomed) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      child.kill('SIGKILL');
    }
    const outputs = await Promise.all([...steady, ...doomed].map(({ ended }) => ended));
    expect(outputs.join('')).not.toContain('overlap');
    for (const output of outputs.slice(0, 4)) expect(output.match(/entered/g)).toHaveLength(15);
  });
});
