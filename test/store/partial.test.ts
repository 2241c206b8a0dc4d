import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EngineshedError } from '../../src/errors/index.js';
import { type Digest, describe as describeContent, digestOf, mediaTypes } from '../../src/oci/index.js';
import { digestInventory, InventoryFile } from '../../src/store/inventory.js';
import { keptBytes, type Resumption, resumably, sweepPartials } from '../../src/store/partial.js';
import { systemError, withCalls } from '../support/calls.js';
import { inPieces } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';
import { makeSample } from './sample.js';

const mebi = 1024 * 1024;
const blob = randomBytes(4 * mebi);
const layer = {
  diffId: digestOf(Buffer.from('the content')),
  descriptor: describeContent(mediaTypes.layerTarGzip, blob),
};

/** A store in which that layer can be downloaded again and again. */
async function downloads() {
  const warnings: string[] = [];
  const sample = await makeSample((event) => event.type === 'warning' && warnings.push(event.message));
  await sample.install('first', 'base');
  const store = { ...sample.store, now: () => new Date() };
  const { partial } = store.paths;
  /** What was kept of the earlier one, at each try. */
  const beginnings: (number | undefined)[] = [];
  const run = (work: (resumption: Resumption) => Promise<unknown>, of = layer) =>
    resumably(store, of, 'a layer', async (resumption) => {
      beginnings.push(resumption.beginning?.size);
      return work({ beginning: resumption.beginning, keep: (stream) => resumption.keep(stream) });
    });
  /** Downloads to a byte, where the network is lost. */
  const interruptAt = async (end: number) => {
    const lost = run(async ({ beginning, keep }) => {
      const before = beginning === undefined ? Buffer.of() : await bytesOf(await beginning.open());
      expect(before.equals(blob.subarray(0, before.length))).toBe(true);
      await bytesOf(keep(inPieces(blob.subarray(0, end))));
      throw systemError('ECONNRESET', 'read');
    });
    await expect(lost).rejects.toBeInstanceOf(EngineshedError);
  };
  const kept = () => readdirSync(partial).map((name) => readFileSync(`${partial}/${name}`));
  const fileOf = async () => {
    await interruptAt(2 * mebi);
    beginnings.length = 0;
    return `${partial}/${readdirSync(partial)[0]}`;
  };
  return { store, sample, warnings, beginnings, run, interruptAt, kept, fileOf };
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Lets the handles of files do something else until the test ends. */
async function otherHandles(others: Record<string, (real: (...args: never[]) => unknown) => unknown>) {
  const handle = await open('/dev/null');
  const methods = Object.getPrototypeOf(handle);
  await handle.close();
  for (const [name, make] of Object.entries(others)) {
    const real = methods[name];
    methods[name] = make(real);
    onTestFinished(() => {
      methods[name] = real;
    });
  }
}

const mismatch = () => new EngineshedError('DIGEST_MISMATCH', 'a test');

describe('what has arrived of a layer', () => {
  it('C07 stays when the network is lost, and is gone on with, from its end', async () => {
    const { interruptAt, kept, beginnings, run } = await downloads();
    for (const end of [mebi, 2 * mebi, 2 * mebi + 5, 3 * mebi]) {
      await interruptAt(end);
      expect(kept().map((bytes) => bytes.equals(blob.subarray(0, end)))).toEqual([true]);
    }
    await run(async ({ keep }) => bytesOf(keep(inPieces(blob))));
    expect(beginnings).toEqual([undefined, mebi, 2 * mebi, 2 * mebi + 5, 3 * mebi]);
    expect(kept(), 'it goes when the layer stands').toEqual([]);
  });

  it('C08 is not trusted: where all of it is wrong it begins again, once', async () => {
    const { fileOf, run, beginnings, kept, warnings } = await downloads();
    await fileOf();
    await run(async ({ beginning }) => {
      if (beginnings.length > 3) throw new Error('too often');
      if (beginning !== undefined) throw mismatch();
    });
    expect(beginnings).toEqual([2 * mebi, undefined]);
    expect([kept(), warnings.length]).toEqual([[], 1]);
  });

  it('B01 goes where the registry is what is wrong, and that is told', async () => {
    const { run, beginnings, kept } = await downloads();
    const wrong = run(async ({ keep }) => {
      if (beginnings.length > 3) throw new Error('too often');
      await bytesOf(keep(inPieces(blob)));
      throw mismatch();
    });
    await expect(wrong).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect([beginnings, kept()]).toEqual([[undefined], []]);
  });

  it('E02 gives way on a full disk, where that helps', async () => {
    const { store, fileOf, run, beginnings, kept, warnings } = await downloads();
    const full = async () => {
      if (beginnings.length !== 2) throw systemError('ENOSPC', 'write');
    };
    await fileOf();
    await run(full);
    expect([beginnings, kept(), warnings.length]).toEqual([[2 * mebi, undefined], [], 1]);
    beginnings.length = 0;
    await expect(
      run(async () => {
        throw systemError('ENOSPC', 'write');
      }),
    ).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect([beginnings, readdirSync(store.paths.partial)]).toEqual([[undefined], []]);
  });

  it('is not kept of a small layer', async () => {
    const { store, run } = await downloads();
    const small = { ...layer, descriptor: { ...layer.descriptor, size: 1000 } };
    await run(async () => expect(readdirSync(store.paths.partial)).toEqual([]), small);
  });

  it('E07 is neither written to nor read where something else stands in its place', async () => {
    const { sample, fileOf, run, beginnings, warnings } = await downloads();
    const path = await fileOf();
    const mine = `${sample.directory}/mine`;
    const plants: Record<string, () => unknown> = {
      link: () => symlinkSync(mine, path),
      'hard link': () => linkSync(mine, path),
      directory: () => mkdirSync(path),
      pipe: () => execFileSync('mkfifo', [path]),
    };
    for (const [what, plant] of Object.entries(plants)) {
      rmSync(path, { recursive: true, force: true });
      writeFileSync(mine, 'mine');
      plant();
      warnings.length = beginnings.length = 0;
      await run(async ({ keep }) => bytesOf(keep(inPieces(blob))));
      expect(readFileSync(mine, 'utf8'), what).toBe('mine');
      // What is in the way goes when the layer stands, as a sweep would have it.
      expect([lstatSync(path, { throwIfNoEntry: false }), beginnings], what).toEqual([
        undefined,
        [undefined],
      ]);
      expect(warnings[0], what).toContain('it will begin again');
    }
  });

  it('E08 is for nobody else, whatever the umask', async () => {
    const { fileOf } = await downloads();
    const umask = process.umask(0);
    try {
      expect(lstatSync(await fileOf()).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(umask);
    }
  });

  it('C08 is no beginning where it is longer than the blob', async () => {
    const { store, fileOf, interruptAt, beginnings, kept } = await downloads();
    const path = await fileOf();
    expect(keptBytes(store.paths, layer)).toBe(2 * mebi);
    appendFileSync(path, Buffer.alloc(3 * mebi));
    expect(keptBytes(store.paths, layer)).toBe(0);
    await interruptAt(mebi);
    expect(beginnings).toEqual([undefined]);
    expect(kept().map((bytes) => bytes.equals(blob.subarray(0, mebi)))).toEqual([true]);
  });

  it.skipIf(!existsSync('/proc/self/fd'))('E02 takes no room any more once it was deleted', async () => {
    const { store, run } = await downloads();
    const { partial } = store.paths;
    const sizes = () =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        const path = `/proc/self/fd/${fd}`;
        try {
          return readlinkSync(path).startsWith(partial) ? [statSync(path).size] : [];
        } catch {
          return [];
        }
      });
    await run(async ({ keep }) => {
      let at = 0;
      for await (const chunk of keep(inPieces(blob))) {
        if (at === 0) rmSync(`${partial}/${readdirSync(partial)[0]}`);
        at += chunk.length;
      }
      expect(sizes()).toEqual([0]);
    });
  });

  it('E02 stays a beginning after half a write', async () => {
    const { interruptAt, kept } = await downloads();
    let writes = 0;
    await otherHandles({
      write: (real) =>
        async function (this: unknown, ...[bytes, at, length, position]: never[]) {
          const taken = writes++ === 0 ? 1000 : length;
          return (real as (...args: unknown[]) => unknown).call(this, bytes, at, taken, position);
        },
    });
    await interruptAt(3 * mebi);
    expect(kept().map((bytes) => bytes.equals(blob.subarray(0, bytes.length)))).toEqual([true]);
  });

  it('E02 stays a beginning where it cannot be written, nor removed', async () => {
    const { run, kept } = await downloads();
    let writes = 0;
    await otherHandles({
      write: (real) =>
        async function (this: unknown, ...args: never[]) {
          if (writes++ === 0) throw systemError('EIO', 'write');
          return real.apply(this, args);
        },
    });
    const stays = () => () => {
      throw systemError('EACCES', 'unlink');
    };
    await withCalls({ rmSync: stays }, () =>
      expect(
        run(async ({ keep }) => {
          await bytesOf(keep(inPieces(blob)));
          throw systemError('ECONNRESET', 'read');
        }),
      ).rejects.toBeInstanceOf(EngineshedError),
    );
    expect(kept().map((bytes) => bytes.equals(blob.subarray(0, bytes.length)))).toEqual([true]);
  });

  it('E02 is downloaded where it cannot be read', async () => {
    const { fileOf, run } = await downloads();
    await fileOf();
    await otherHandles({
      createReadStream: () =>
        async function* () {
          yield* [];
          throw systemError('EIO', 'read');
        },
    });
    await run(async ({ beginning }) => {
      expect(await bytesOf((await beginning?.open()) ?? inPieces(Buffer.from('none')))).toEqual(Buffer.of());
    });
  });

  it('goes in a sweep: what is old, what stands, what nobody knows', async () => {
    const { store, sample } = await downloads();
    const { plan } = await sample.install('first', 'base');
    const standing = plan.present[0]?.diffId ?? ('' as Digest);
    const name = (diffId: string) => `${diffId.replace(':', '-')}.${'b'.repeat(16)}`;
    const [wanted, old] = [name(layer.diffId), name(`sha256:${'c'.repeat(64)}`)];
    for (const file of [wanted, old, name(standing), 'stray', name('md5:00')])
      writeFileSync(`${store.paths.partial}/${file}`, '');
    const longAgo = Date.now() / 1000 - 8 * 24 * 3600;
    utimesSync(`${store.paths.partial}/${old}`, longAgo, longAgo);
    sweepPartials(store.paths, Date.now);
    expect(readdirSync(store.paths.partial)).toEqual([wanted]);
  });
});

describe('the list of files of a layer', () => {
  it('is new, written whole, and closed', async () => {
    const path = `${temporaryDirectory()}/list`;
    let opened = -1;
    const few =
      (real: unknown) =>
      (fd: number, bytes: Buffer, at = 0) =>
        (real as typeof writeSome)(fd, bytes, at, Math.min(5, bytes.length - at));
    const noted = (real: unknown) =>
      ((...args: unknown[]) => {
        opened = (real as (...args: unknown[]) => number)(...args);
        return opened;
      }) as never;
    await withCalls({ writeSync: few as never, openSync: noted }, () => {
      const list = new InventoryFile(path);
      list.add({ kind: 'symlink', path: 'a name', target: 'elsewhere' });
      const digest = list.finish();
      list.close();
      expect(() => fstatSync(opened)).toThrow('EBADF');
      expect(digestInventory(path)).toBe(digest);
    });
    expect(() => new InventoryFile(path)).toThrow('EEXIST');
  });
});

declare function writeSome(fd: number, bytes: Buffer, at: number, length: number): number;
