import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import { userIn } from '../acceptance/user.js';
import { addImage, bootstrap, lacks, toolDirectory } from '../support/bootstrap.js';
import { plantCanary } from '../support/canary.js';
import { nameFaults, symlinkFaults } from '../support/hostile-archive.js';
import { descriptorOf, scripted } from '../support/registry-client.js';
import {
  archive,
  directory,
  endMarker,
  file,
  gnuLong,
  hardlink,
  header,
  pax,
  paxRaw,
  symlink,
} from '../support/tar-archive.js';
import { layerOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const whole = archive(file('a', 'x'.repeat(600)), directory('d'), file('d/b', 'y'));

const hostile: Record<string, Buffer> = {
  'A05 an entry through a link': archive(symlink('a', '.'), file('a/x', 'x')),
  'A05 a directory that was a link': archive(symlink('a', 'b'), directory('a')),
  'A05 a chain of links': archive(directory('d'), symlink('d/up', '..'), symlink('out', 'd/up/..')),
  'A06 a hard link before its target': archive(hardlink('a', 'b'), file('b', 'x')),
  'A06 a hard link to a link': archive(symlink('a', 'b'), hardlink('c', 'a')),
  'A06 a hard link outside': archive(hardlink('a', '../../x')),
  'A06 a hard link to itself': archive(hardlink('a', 'a')),
  'A08 a device': archive(header({ name: 'dev', type: '3' })),
  'A08 a FIFO': archive(header({ name: 'fifo', type: '6' })),
  'A10 a size that is no number': archive(header({ name: 'a', size: '12x4' })),
  'A10 a negative size': archive(header({ name: 'a', size: Buffer.alloc(12, 0xff) })),
  'A11 a sparse file': archive(header({ name: 'a', type: 'S' })),
  'A11 an unknown type': archive(header({ name: 'a', type: 'Q' })),
  'A12 a pax path with a NUL': archive(pax({ path: 'a\0b' }), file('a', 'x')),
  'A12 a pax size that contradicts': archive(pax({ size: '5' }), file('a', 'abc')),
  'A12 a malformed pax record': archive(paxRaw(bytes('99 path=x\n')), file('a', 'x')),
  'A12 a global path': archive(pax({ path: 'x' }, 'g'), file('a', 'x')),
  'A12 sparse by pax': archive(pax({ 'GNU.sparse.major': '1' }), file('a', 'x')),
  'A12 two names': archive(pax({ path: 'x' }), gnuLong('L', 'y'), file('a', 'x')),
  'A14 one path twice': archive(file('a', '1'), file('./a', '2')),
  'A15 a whiteout with content': archive(file('.wh.a', 'x')),
  'A19 no end marker': whole.subarray(0, whole.length - endMarker.length),
  'A19 half an end marker': whole.subarray(0, whole.length - 512),
  'A19 entries after the end marker': Buffer.concat([whole, file('more', 'x'), endMarker]),
  'A19 cut in a file': whole.subarray(0, 1024),
  'A20 a bad checksum': archive(header({ name: 'a', checksum: '0000001\0' })),
  'a name that is not UTF-8': archive(file(bytes('a\xff'), 'x')),
};

describe.skipIf(lacks('curl'))('hostile archives and engineshed.sh', () => {
  it('are refused: nothing is written outside, nothing is installed', async () => {
    const registry = await scripted();
    const outside = plantCanary(temporaryDirectory());
    const user = userIn(temporaryDirectory());
    const all = { ...hostile };
    for (const name of nameFaults(outside.home).filter((_, at) => at % 4 === 0)) {
      // One that the header cannot hold goes into a pax header.
      all[`the name ${JSON.stringify(name.slice(0, 40))}`] =
        name.length > 100 || name === ''
          ? archive(pax({ path: bytes(name) }), file('short', 'x'))
          : archive(file(bytes(name), 'x'));
    }
    for (const target of symlinkFaults(outside.home).filter((_, at) => at % 4 === 0))
      all[`the target ${JSON.stringify(target.slice(0, 40))}`] =
        target.length > 100 || target === ''
          ? archive(pax({ linkpath: bytes(target) }), symlink('a', 'short'))
          : archive(symlink('a', bytes(target)));
    const taken: string[] = [];
    for (const [name, content] of Object.entries(all)) {
      addImage(registry.contents, 'acme/hostile', '1', [content]);
      const { status, stderr } = await bootstrap(user, ['--name', 'one', `${registry.host}/acme/hostile:1`]);
      if (status !== 65) taken.push(`${name}: ${status} ${stderr}`);
      expect(outside.faults()).toEqual([]);
    }
    expect(taken).toEqual([]);
    expect(existsSync(`${user.store}/current`)).toBe(false);
    expect(readdirSync(`${user.store}/engines`)).toEqual([]);
    expect(readdirSync(`${user.store}/staging`)).toEqual([]);
    expect(readdirSync(user.work)).toEqual([]);
  }, 300_000);

  it('A17 a bomb ends early', async () => {
    const registry = await scripted();
    const user = userIn(temporaryDirectory());
    addImage(registry.contents, 'acme/bomb', '1', [archive(file('zeros', Buffer.alloc(80 * 1024 * 1024)))]);
    const { status, stderr } = await bootstrap(user, ['--name', 'one', `${registry.host}/acme/bomb:1`]);
    expect({ status, stderr }).toMatchObject({
      status: 65,
      stderr: expect.stringContaining('grows to more'),
    });
  });

  it('large files are passed over, and links loop as they like', async () => {
    const registry = await scripted();
    const user = userIn(temporaryDirectory());
    const large = Buffer.alloc(5 * 1024 * 1024, 'large file, not zeros: ');
    for (let at = 0; at < large.length; at += 4096) large.writeUInt32LE((at * 2654435761) >>> 0, at);
    addImage(registry.contents, 'acme/large', '1', [
      archive(
        file('first', large),
        symlink('a', 'b'),
        symlink('b', 'a'),
        file('second', large),
        file('last', 'x'),
      ),
    ]);
    const result = await bootstrap(user, ['--name', 'one', `${registry.host}/acme/large:1`]);
    expect(result).toMatchObject({ status: 0 });
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    expect(readlinkSync(`${user.store}/current/sources/large/a`)).toBe('b');
  });
});

describe.skipIf(lacks('curl', 'zstd'))('layers that are compressed with zstd and engineshed.sh', () => {
  it('are read by the program zstd, and refused by name where it is not there', async () => {
    const registry = await scripted();
    const home = temporaryDirectory();
    const user = userIn(home);
    const zstd = (bytes: Buffer) => execFileSync('zstd', ['-qc'], { input: bytes });
    const stored = layerOf(archive(file('one', 'x'.repeat(100_000))), zstd);
    const descriptor = descriptorOf(stored.bytes, mediaTypes.layerTarZstd);
    addImage(registry.contents, 'acme/zstd', '1', [{ ...stored, descriptor }, archive(file('two', 'y'))]);
    const install = ['--name', 'one', `${registry.host}/acme/zstd:1`];
    const without = await bootstrap(user, install, { path: toolDirectory(home, 'gnu') });
    expect(without).toMatchObject({
      status: 65,
      stderr: expect.stringContaining('install the program zstd'),
    });
    expect(await bootstrap(user, install)).toMatchObject({ status: 0 });
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    expect(readFileSync(`${user.store}/current/sources/zstd/one`, 'utf8')).toBe('x'.repeat(100_000));
  });

  it('A17 end early where they are bombs, or not what they say', async () => {
    const registry = await scripted();
    const user = userIn(temporaryDirectory());
    const zstd = (bytes: Buffer) => execFileSync('zstd', ['-qc'], { input: bytes });
    const bomb = layerOf(archive(file('zeros', Buffer.alloc(80 * 1024 * 1024))), zstd);
    const whole = layerOf(archive(file('one', 'x')), (bytes) =>
      Buffer.concat([zstd(bytes), Buffer.from('no frame')]),
    );
    for (const [stored, text] of [
      [bomb, 'grows to more'],
      [whole, 'cannot be decompressed'],
    ] as const) {
      const descriptor = descriptorOf(stored.bytes, mediaTypes.layerTarZstd);
      addImage(registry.contents, 'acme/zstd', '1', [{ ...stored, descriptor }]);
      const result = await bootstrap(user, ['--name', 'one', `${registry.host}/acme/zstd:1`]);
      expect(result).toMatchObject({ status: 65, stderr: expect.stringContaining(text) });
    }
  });
});
