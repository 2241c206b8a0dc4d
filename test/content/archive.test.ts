import { execFileSync } from 'node:child_process';
import {
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TarFile } from '../../src/content/archive/tar-file.js';
import { openArchive, streamOf, type Target, writeArchive } from '../../src/content/index.js';
import { ownedName } from '../../src/files/index.js';
import { describe as describeContent, mediaTypes } from '../../src/oci/index.js';
import { withCalls } from '../support/calls.js';
import { inPieces } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';
import { all, blob, bytes, dead, large, owner } from './places.js';

describe('an archive', () => {
  const write = (path: string, ifPresent: 'refuse' | 'replace', work: (target: Target) => Promise<void>) =>
    writeArchive({ kind: 'oci-archive', path, label: 'x.tar', ifPresent, owner }, work);

  it('takes the place of no archive that came meanwhile, and of nothing that is no file', async () => {
    const path = `${temporaryDirectory()}/x.tar`;
    const meanwhile = write(path, 'refuse', async () => writeFileSync(path, 'theirs'));
    await expect(meanwhile).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(readFileSync(path, 'utf8')).toBe('theirs');
    rmSync(path);
    symlinkSync('elsewhere', path);
    await expect(write(path, 'replace', async () => {})).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
  });

  it('is not begun where one is there, and has tags of what is in it only', async () => {
    const path = `${temporaryDirectory()}/x.tar`;
    await write(path, 'refuse', async (target) => {
      await expect(target.tag(blob, 'one')).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
    });
    let begun = false;
    const again = write(path, 'refuse', async () => {
      begun = true;
    });
    await expect(again).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(begun).toBe(false);
  });

  it('B01 gives nothing as right that was changed in it', async () => {
    const path = `${temporaryDirectory()}/x.tar`;
    await write(path, 'refuse', async (target) => target.push(blob, async () => streamOf(bytes)));
    const tar = readFileSync(path);
    tar[tar.indexOf(bytes)] = 0;
    writeFileSync(path, tar);
    const archive = openArchive('oci-archive', path, 'x.tar');
    await expect(archive.fetch(blob).then(all)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('E01 loses what killed writers left beside it, and E03 keeps what the living write', async () => {
    const directory = temporaryDirectory();
    const [left, living] = [dead, owner].map((each) => `${directory}/.engineshed-new-${ownedName(each)}`);
    for (const file of [left, living]) writeFileSync(file ?? '', '');
    await write(`${directory}/x.tar`, 'refuse', async () => {});
    expect([existsSync(left ?? ''), existsSync(living ?? '')]).toEqual([false, true]);
  });

  it('E07 is written to a file that is new, whole, and each content into its place', async () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/mine`, 'mine');
    expect(() => new TarFile(`${directory}/mine`)).toThrow('EEXIST');
    const few = (real: unknown) => (fd: number, from: Buffer, at: number, length: number, position: number) =>
      (real as (...args: unknown[]) => number)(fd, from, at, Math.min(100, length), position);
    await withCalls({ writeSync: few as never }, async () => {
      const file = new TarFile(`${directory}/new`);
      file.add('one', bytes);
      const place = file.reserve('two', 3);
      await expect(file.fill(place, streamOf(bytes))).rejects.toMatchObject({ code: 'INTERNAL' });
      await file.fill(place, streamOf(bytes.subarray(0, 3)));
      await file.finish();
    });
    const listed = execFileSync('tar', ['-tf', `${directory}/new`], { encoding: 'utf8' });
    expect(listed).toBe('one\ntwo\n');
  });

  it('is not read to an end that is not there any more, when it became shorter', async () => {
    const path = `${temporaryDirectory()}/x.tar`;
    const content = Buffer.alloc(3_000_000, 'x');
    const descriptor = describeContent(mediaTypes.layerTar, content);
    await write(path, 'refuse', async (target) => target.push(descriptor, async () => inPieces(content)));
    const archive = openArchive('oci-archive', path, 'x.tar');
    expect(await archive.exists(descriptor)).toBe(true);
    const read = async () => {
      for await (const chunk of await archive.fetch(descriptor)) {
        expect(chunk.length).toBeGreaterThan(0);
        truncateSync(path, 2_000_000);
        utimesSync(path, 0, 0);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  it('is asked for no manifest that is too large', async () => {
    const path = `${temporaryDirectory()}/x.tar`;
    const content = Buffer.from(
      JSON.stringify({ mediaType: mediaTypes.imageManifest, pad: 'x'.repeat(large) }),
    );
    const descriptor = describeContent(mediaTypes.layerTar, content);
    await write(path, 'refuse', async (target) => target.push(descriptor, async () => inPieces(content)));
    const archive = openArchive('oci-archive', path, 'x.tar');
    await expect(archive.resolve(descriptor.digest)).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
    expect((await all(await archive.fetch(descriptor))).length).toBe(content.length);
  });
});
