import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  acquireLock,
  isAlive,
  type Owner,
  ownedName,
  ownerOf,
  parseOwnedName,
} from '../../src/files/index.js';
import { systemError, withCalls } from '../support/calls.js';
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
    expect(parseOwnedName(ownedName(owner).slice(0, -1))).toBeUndefined();
    expect(parseOwnedName(`${ownedName(owner)}0`)).toBeUndefined();
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

describe('an owner whose name has blanks and parentheses', () => {
  it.skipIf(!existsSync('/proc/self/stat'))('is one process all the same', async () => {
    const script = `${temporaryDirectory()}/a) S 1 (b`;
    writeFileSync(script, '#!/bin/sh\necho ready\nread line\n', { mode: 0o755 });
    const child = spawn(script, { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill());
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').trim().split(' ');
    // Counted from the end, where no name can be.
    expect(stat.slice(1, -50).join(' ')).toBe('(a) S 1 (b)');
    expect(ownerOf(child.pid ?? 0).start).toBe(stat.at(-31));
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

  it('E03 of two that look around at the same time one sees the other', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    let other: Promise<unknown> | undefined;
    // The other one comes just after the first has looked.
    const meanwhile = (real: (path: string) => string[]) => (path: string) => {
      const found = real(path);
      if (other === undefined) {
        other = Promise.resolve();
        other = acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
      }
      return found;
    };
    await withCalls({ readdirSync: meanwhile as never }, async () => {
      const one = await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
      expect([one, await other].filter((lock) => lock !== undefined).length).toBeLessThan(2);
      one?.release();
    });
  });

  it('E03 a claim has a name of its own', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const names = Array.from({ length: 5 }, () => ownedName(owner));
    expect(new Set(names).size).toBe(5);
    const { randomBytes } = crypto;
    onTestFinished(() => {
      Object.assign(crypto, { randomBytes });
      syncBuiltinESMExports();
    });
    Object.assign(crypto, { randomBytes: (size: number) => Buffer.alloc(size) });
    syncBuiltinESMExports();
    const lock = await acquireLock(directory, 'exclusive', owner);
    await expect(acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' })).rejects.toThrow('EEXIST');
    lock?.release();
  });

  it('each of many that wait gets on', { timeout: 10_000 }, async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const first = await acquireLock(directory, 'exclusive', owner);
    const waiting = Array.from({ length: 4 }, async () => {
      const lock = await acquireLock(directory, 'exclusive', owner);
      lock?.release();
    });
    await expect.poll(() => readdirSync(directory).length).toBeGreaterThan(1);
    first?.release();
    await Promise.all(waiting);
    expect(existsSync(directory), 'leaves nothing').toBe(false);
  });

  it('one that gives up leaves no claim', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const lock = await acquireLock(directory, 'exclusive', owner);
    await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
    expect(readdirSync(directory)).toHaveLength(1);
    lock?.release();
    expect(existsSync(directory), 'leaves nothing').toBe(false);
  });

  it('E02 is not kept out by a claim of its own that could not be removed', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const owner = ownerOf(process.pid);
    const lock = await acquireLock(directory, 'exclusive', owner);
    const fails = () => () => {
      throw systemError('EIO', 'unlink');
    };
    await withCalls({ rmSync: fails as never }, () => expect(() => lock?.release()).toThrow('EIO'));
    expect(readdirSync(directory)).toHaveLength(1);
    const again = await acquireLock(directory, 'exclusive', owner, { whenBusy: 'fail' });
    expect(again).toBeDefined();
    again?.release();
    expect(await acquireLock(directory, 'exclusive', { ...owner }, { whenBusy: 'fail' })).toBeDefined();
  });

  it('E07 is not kept out by what no claim is, and leaves that alone', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    mkdirSync(directory);
    const names = ['.nfs0001', `mine.${ownedName(dead)}`, 'exclusive.mine'];
    for (const name of names) writeFileSync(`${directory}/${name}`, '');
    const lock = await acquireLock(directory, 'exclusive', ownerOf(process.pid), { whenBusy: 'fail' });
    expect(lock).toBeDefined();
    lock?.release();
    expect(readdirSync(directory).sort()).toEqual([...names].sort());
  });

  it('is made again where its last holder removes it just then', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    let removed = false;
    const justThen = (real: (...args: unknown[]) => unknown) =>
      ((path: string, ...args: unknown[]) => {
        if (!removed && path.startsWith(directory)) {
          removed = true;
          rmdirSync(directory);
        }
        return real(path, ...args);
      }) as never;
    const lock = await withCalls({ openSync: justThen as never }, () =>
      acquireLock(directory, 'exclusive', ownerOf(process.pid)),
    );
    expect(removed).toBe(true);
    lock?.release();
  });

  it('E02 a claim that cannot be made is told', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    const fails = () => () => {
      throw systemError('ENOSPC');
    };
    await withCalls({ openSync: fails as never }, () =>
      expect(acquireLock(directory, 'exclusive', ownerOf(process.pid))).rejects.toThrow('ENOSPC'),
    );
  });

  it('gives signs of life for as long as it is held', async () => {
    const directory = `${temporaryDirectory()}/lock`;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const lock = await acquireLock(directory, 'exclusive', ownerOf(process.pid));
    const claim = `${directory}/${readdirSync(directory)[0]}`;
    utimesSync(claim, 0, 0);
    vi.advanceTimersByTime(30_000);
    expect(lstatSync(claim).mtimeMs).toBeGreaterThan(0);
    lock?.release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('measures time as the file system does, and not by when it came itself', {
    timeout: 10_000,
  }, async () => {
    const directory = `${temporaryDirectory()}/lock`;
    mkdirSync(directory);
    const elsewhere = `${directory}/exclusive.${ownedName({ ...ownerOf(process.pid), place: '0123456789ab' })}`;
    writeFileSync(elsewhere, '');
    const waiting = acquireLock(directory, 'exclusive', ownerOf(process.pid));
    await expect.poll(() => readdirSync(directory).length).toBe(2);
    // It is one that was here for long.
    for (const name of readdirSync(directory)) utimesSync(`${directory}/${name}`, 1000, 1000);
    const lock = await waiting;
    expect(existsSync(elsewhere)).toBe(false);
    lock?.release();
  });

  it('does not keep the process that has it from ending', async () => {
    const timers = vi.spyOn(globalThis, 'setInterval');
    onTestFinished(() => timers.mockRestore());
    const lock = await acquireLock(`${temporaryDirectory()}/lock`, 'exclusive', ownerOf(process.pid));
    expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
    lock?.release();
  });
});
