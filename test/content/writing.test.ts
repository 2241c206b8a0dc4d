import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TarFile } from '../../src/content/archive/tar-file.js';
import { findClosure } from '../../src/content/closure.js';
import { readConfig } from '../../src/content/image.js';
import {
  createLayout,
  mapLimited,
  memoryTarget,
  openArchive,
  resolveReference,
  streamOf,
  type Target,
  writeArchive,
} from '../../src/content/index.js';
import { acquireLock, type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import {
  type Descriptor,
  describe as describeContent,
  digestHex,
  type Manifest,
  maxManifestBytes,
  mediaTypes,
  parseReference,
} from '../../src/oci/index.js';
import { systemError, withCalls } from '../support/calls.js';
import { inPieces } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

const owner = ownerOf(process.pid);
const dead: Owner = { ...owner, start: '1' };
const bytes = Buffer.from('some content');
const blob = describeContent(mediaTypes.layerTar, bytes);
const large = 5 * 1024 * 1024;

function makeLayout() {
  const directory = `${temporaryDirectory()}/images`;
  return { directory, layout: createLayout(directory, owner) };
}

/** Puts JSON into a place. */
async function pushJson(target: Target, mediaType: string, value: unknown): Promise<Descriptor> {
  const json = Buffer.from(JSON.stringify(value));
  const descriptor = describeContent(mediaType, json);
  await target.push(descriptor, async () => streamOf(json));
  return descriptor;
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a blob of a layout', () => {
  it('is written aside, and nothing is left where it cannot be', async () => {
    const { directory, layout } = makeLayout();
    const before = readdirSync(directory, { recursive: true });
    const broken = async function* () {
      yield bytes.subarray(0, 3);
      expect(await layout.exists({ ...blob, size: 3 })).toBe(false);
      throw systemError('EIO', 'read');
    };
    await expect(layout.push(blob, async () => broken())).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(readdirSync(directory, { recursive: true })).toEqual(before);
  });

  it('E07 is written to a file that is new', async () => {
    const { directory, layout } = makeLayout();
    writeFileSync(`${directory}/mine`, 'mine');
    const fs = await import('node:fs');
    const { syncBuiltinESMExports } = await import('node:module');
    const { open } = fs.default.promises;
    // Whoever could tell the name of the file could put a link there.
    fs.default.promises.open = async (path, flags, mode) => {
      if (String(flags).startsWith('w')) symlinkSync(`${directory}/mine`, String(path));
      return open(path, flags, mode);
    };
    syncBuiltinESMExports();
    try {
      await expect(layout.push(blob, async () => streamOf(bytes))).rejects.toThrow('EEXIST');
    } finally {
      fs.default.promises.open = open;
      syncBuiltinESMExports();
    }
    expect(readFileSync(`${directory}/mine`, 'utf8')).toBe('mine');
  });

  it('is there only where a file has its size', async () => {
    const { directory, layout } = makeLayout();
    await layout.push(blob, async () => streamOf(bytes));
    expect(await layout.exists(blob)).toBe(true);
    const path = `${directory}/blobs/sha256/${digestHex(blob.digest)}`;
    truncateSync(path, 3);
    expect(await layout.exists(blob)).toBe(false);
    rmSync(path);
    mkdirSync(path);
    const { size } = await import('node:fs').then(({ statSync }) => statSync(path));
    expect(await layout.exists({ ...blob, size })).toBe(false);
  });

  it('B01 is verified when it is read, and tagged only where it is there', async () => {
    const { directory, layout } = makeLayout();
    await expect(layout.tag(blob, 'one')).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
    await layout.push(blob, async () => streamOf(bytes));
    writeFileSync(`${directory}/blobs/sha256/${digestHex(blob.digest)}`, 'other c0ntent');
    await expect(layout.fetch(blob).then(all)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    writeFileSync(`${directory}/blobs/sha256/${digestHex(blob.digest)}`, 'some c0ntent');
    await expect(layout.fetch(blob).then(all)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('B01 is not adopted where it has another size', async () => {
    const { layout } = makeLayout();
    const file = layout.temporaryFile();
    writeFileSync(file, 'short');
    await expect(layout.adopt(file, blob)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(await layout.exists({ ...blob, size: 5 })).toBe(false);
  });
});

describe('a layout', () => {
  it('E01 loses what dead writers left, and E03 keeps what the living write', () => {
    const { directory } = makeLayout();
    const living = `${directory}/.engineshed-new-${ownedName(owner)}`;
    const left = `${directory}/.engineshed-new-${ownedName(dead)}`;
    const lock = `${directory}/.engineshed-lock`;
    for (const file of [living, left, `${directory}/.engineshed-new-mine`]) writeFileSync(file, '');
    mkdirSync(lock);
    writeFileSync(`${lock}/exclusive.${ownedName(dead)}`, '');
    createLayout(directory, owner);
    expect([living, left, lock, `${directory}/.engineshed-new-mine`].map((path) => existsSync(path))).toEqual(
      [true, false, false, true],
    );
  });

  it('E03 has an index that one changes at a time', async () => {
    const { directory, layout } = makeLayout();
    await layout.push(blob, async () => streamOf(bytes));
    const lock = await acquireLock(`${directory}/.engineshed-lock`, 'shared', owner);
    let tagged = false;
    const tagging = layout.tag(blob, 'one').then(() => {
      tagged = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(tagged).toBe(false);
    lock?.release();
    await tagging;
    expect(existsSync(`${directory}/.engineshed-lock`)).toBe(false);
  });

  it('says what is no index, and does not take one that cannot be read for none', async () => {
    const { directory, layout } = makeLayout();
    const manifest = await pushJson(layout, mediaTypes.imageManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      config: blob,
      layers: [],
    });
    const index = `${directory}/index.json`;
    writeFileSync(index, readFileSync(`${directory}/blobs/sha256/${digestHex(manifest.digest)}`));
    await expect(layout.resolve('x')).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    rmSync(index);
    mkdirSync(index);
    await expect(layout.tag(blob, 'one')).rejects.toBeDefined();
    await expect(layout.resolve('x')).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  it('is not read where its files are too large', async () => {
    const { directory, layout } = makeLayout();
    await layout.push(blob, async () => streamOf(bytes));
    writeFileSync(`${directory}/index.json`, Buffer.alloc(large, ' '));
    await expect(layout.resolve('x')).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
      message: expect.stringContaining('are allowed'),
    });
    rmSync(`${directory}/index.json`);
    const nested = Buffer.from(
      JSON.stringify({ mediaType: mediaTypes.imageManifest, pad: 'x'.repeat(large) }),
    );
    const descriptor = describeContent(mediaTypes.layerTar, nested);
    await layout.push(descriptor, async () => inPieces(nested));
    await expect(layout.resolve(descriptor.digest)).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it('names as many images as its index has bytes for, and is left as it is where there would be one more', async () => {
    const { directory, layout } = makeLayout();
    await layout.push(blob, async () => streamOf(bytes));
    await layout.tag(blob, 'first');
    const path = `${directory}/index.json`;
    const index = JSON.parse(readFileSync(path, 'utf8'));
    const entry = JSON.stringify(index.manifests[0]).length + 1;
    const fitting = Math.floor(maxManifestBytes / entry) - 10;
    expect(fitting).toBeGreaterThan(15_000);
    const text = JSON.stringify({ ...index, manifests: Array(fitting).fill(index.manifests[0]) });
    writeFileSync(path, text);
    await layout.tag(blob, 'one more');
    expect(await layout.resolve('one more')).toMatchObject({ digest: blob.digest });
    const full = text.replace(
      '"schemaVersion"',
      `"pad":"${'x'.repeat(maxManifestBytes - text.length - 10)}","schemaVersion"`,
    );
    writeFileSync(path, full);
    await expect(layout.tag(blob, 'too many')).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
      message: expect.stringContaining(`more than ${maxManifestBytes} bytes`),
    });
    expect(readFileSync(path, 'utf8')).toBe(full);
  });

  it('B01 lists no referrers of a list that was changed', async () => {
    const { directory, layout } = makeLayout();
    const subject = await pushJson(layout, mediaTypes.imageManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      config: blob,
      layers: [],
    });
    const referrer = await pushJson(layout, mediaTypes.imageManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      artifactType: 'application/x',
      config: blob,
      layers: [],
      subject,
    });
    const path = `${directory}/blobs/sha256/${digestHex(referrer.digest)}`;
    writeFileSync(path, readFileSync(path, 'utf8').replace('application/x', 'application/y'));
    const list = async () => {
      for await (const each of layout.referrers(subject)) expect(each).toBeDefined();
    };
    await expect(list()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

describe('what is read of an image', () => {
  it('B02 is no config that is too large', async () => {
    const config = { ...blob, mediaType: mediaTypes.imageConfig, size: 1024 * 1024 * 1024 };
    const place = { fetch: async () => streamOf(bytes) };
    await expect(readConfig(place, { config } as Manifest)).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
  });

  it('of manifests no more bytes are kept than are allowed', async () => {
    const place = memoryTarget();
    const manifests: Descriptor[] = [];
    for (let at = 0; at < 8; at++)
      manifests.push(
        await pushJson(place, mediaTypes.imageManifest, {
          schemaVersion: 2,
          mediaType: mediaTypes.imageManifest,
          config: blob,
          layers: [],
          annotations: { pad: `${at}${'x'.repeat(3_000_000)}` },
        }),
      );
    const index = await pushJson(place, mediaTypes.imageIndex, {
      schemaVersion: 2,
      mediaType: mediaTypes.imageIndex,
      manifests,
    });
    const { bytes: kept } = await findClosure(place, index, 'leave');
    const total = [...kept.values()].reduce((sum, each) => sum + each.byteLength, 0);
    expect(total).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(total).toBeGreaterThan(10 * 1024 * 1024);
  });

  it('without a tag is none of several images', async () => {
    const { directory, layout } = makeLayout();
    for (const tag of ['one', 'two'])
      await layout.tag(
        await pushJson(layout, mediaTypes.imageManifest, {
          schemaVersion: 2,
          mediaType: mediaTypes.imageManifest,
          config: blob,
          layers: [],
          annotations: { tag },
        }),
        tag,
      );
    await expect(resolveReference(layout, parseReference(`oci:${directory}`))).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    });
  });
});

describe('work side by side', () => {
  it('begins nothing after a failure, and waits for what is under way', async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = mapLimited([0, 1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      if (item === 0) throw new Error('first');
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended++;
    });
    await expect(work).rejects.toThrow('first');
    expect([begun, ended]).toEqual([[0, 1], 1]);
  });
});

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
