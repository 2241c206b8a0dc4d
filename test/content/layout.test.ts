import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLayout, streamOf } from '../../src/content/index.js';
import { acquireLock, ownedName } from '../../src/files/index.js';
import { describe as describeContent, digestHex, maxManifestBytes, mediaTypes } from '../../src/oci/index.js';
import { systemError } from '../support/calls.js';
import { inPieces } from '../support/tar-layer.js';
import { all, blob, bytes, dead, large, makeLayout, owner, pushJson } from './places.js';

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
