import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ArchiveKind,
  copy,
  memoryTarget,
  openArchive,
  resolveReference,
  type Target,
  writeArchive,
} from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { parseReference } from '../../src/oci/index.js';
import * as tar from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';
import { image, targetConformance } from './target.js';

const owner = ownerOf(process.pid);

const written = <T>(
  path: string,
  work: (target: Target) => Promise<T>,
  { kind = 'oci-archive' as ArchiveKind, ifPresent = 'refuse' as 'refuse' | 'replace' } = {},
) => writeArchive({ kind, path, label: `${kind}:${path}`, ifPresent, owner }, work);

const opened = (path: string, kind: ArchiveKind = 'oci-archive') =>
  openArchive(kind, path, `${kind}:${path}`);

describe('an archive that is being written', () =>
  targetConformance(async () => {
    const directory = temporaryDirectory();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    return new Promise<Target>((resolve) => {
      const finished = written(`${directory}/images.tar`, async (target) => {
        resolve(target);
        await ended;
        throw new Error('not wanted');
      }).catch(() => {});
      onTestFinished(async () => {
        end();
        await finished;
      });
    });
  }));

describe.each(['oci-archive', 'docker-archive'] as const)('an %s', (kind) => {
  const nameOf = (tag: string) => (kind === 'oci-archive' ? tag : `docker.io/library/${tag}:latest`);

  it('gives back what was written, and the same content gives the same bytes', async () => {
    const directory = temporaryDirectory();
    const [one, two] = [await image('one'), await image('two')];
    for (const name of ['a', 'b']) {
      await written(
        `${directory}/${name}.tar`,
        async (target) => {
          for (const { from, root, tag } of [one, two]) await copy(from, root, target, { tags: [tag] });
        },
        { kind },
      );
    }
    expect(readFileSync(`${directory}/a.tar`).equals(readFileSync(`${directory}/b.tar`))).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(['a.tar', 'b.tar']);
    const archive = opened(`${directory}/a.tar`, kind);
    const tags: string[] = [];
    for await (const tag of archive.tags()) tags.push(tag);
    expect(tags).toEqual([nameOf('one'), nameOf('two')]);
    const back = memoryTarget();
    for (const { root, tag } of [one, two]) {
      const found = await archive.resolve(nameOf(tag));
      expect(found.digest).toBe(root.digest);
      expect((await archive.resolve(root.digest)).mediaType).toBe(root.mediaType);
      await copy(archive, found, back, { tags: [tag] });
    }
    await expect(archive.resolve(nameOf('three'))).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it('is there completely or not at all', async () => {
    const directory = temporaryDirectory();
    const path = `${directory}/images.tar`;
    const { from, root, tag } = await image('one');
    const failing = written(path, async (target) => {
      await copy(from, root, target, { tags: [tag] });
      throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(readdirSync(directory)).toEqual([]);
    const incomplete = written(path, async (target) => {
      await target.push(root, async () => (async function* () {})()).catch(() => {});
    });
    await expect(incomplete).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
    expect(existsSync(path)).toBe(false);
  });

  it('takes the place of an earlier one as a whole, and only when it is told to', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    writeFileSync(path, 'precious');
    const { from, root, tag } = await image('one');
    const work = (target: Target) => copy(from, root, target, { tags: [tag] });
    await expect(written(path, work, { kind })).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    await written(path, work, { kind, ifPresent: 'replace' });
    expect((await opened(path, kind).resolve(nameOf(tag))).digest).toBe(root.digest);
  });
});

describe('a reference to an archive', () => {
  it('without a tag means the only image', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    const { from, root } = await image('one');
    await written(path, (target) => copy(from, root, target, { tags: [] }));
    const reference = parseReference(`oci-archive:${path}`);
    expect((await resolveReference(opened(path), reference)).digest).toBe(root.digest);
  });
});

describe('an archive from elsewhere', () => {
  const layoutFile = tar.file('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  const index = tar.file('index.json', '{"schemaVersion":2,"manifests":[]}');
  const refused = async (bytes: Buffer) => {
    const path = `${temporaryDirectory()}/images.tar`;
    writeFileSync(path, bytes);
    await expect(opened(path).resolve('x')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  };

  it('with nothing wrong is not refused', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    writeFileSync(path, tar.archive(layoutFile, index, tar.file('x', 'x')));
    await expect(opened(path).resolve('x')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it('is read with the names that GNU tar gives it', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    const files = [
      tar.directory('./'),
      tar.file('./oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
      tar.directory('./blobs/'),
      tar.file('./index.json', '{"schemaVersion":2,"manifests":[]}'),
    ];
    writeFileSync(path, Buffer.concat([tar.archive(...files), Buffer.alloc(10240)]));
    await expect(opened(path).resolve('x')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it.each([
    ['A01 a name that leads out', [tar.file('../x', 'x')]],
    ['A02 an absolute name', [tar.file('/x', 'x')]],
    ['A03 a control character', [tar.file('a\u0007b', 'x')]],
    ['A06 a hard link', [tar.hardlink('x', 'oci-layout')]],
    ['A08 a device', [tar.header({ name: 'x', type: '3' })]],
    ['A10 a size beyond the file', [tar.header({ name: 'x', size: 1 << 30 })]],
    ['A10 a negative size', [tar.header({ name: 'x', size: Buffer.alloc(12, 0xff) })]],
    ['A11 a sparse file', [tar.header({ name: 'x', type: 'S' })]],
    ['A14 a name twice', [tar.file('x', 'x'), tar.file('x', 'x')]],
    ['A14 a file that is a directory', [tar.directory('x/'), tar.file('x', 'x')]],
    ['A20 a bad checksum', [tar.header({ name: 'x', checksum: '0000000 ' })]],
  ])('%s is refused', async (_, parts) => {
    await refused(tar.archive(layoutFile, index, ...parts));
  });

  it('A04 content through a symbolic link is refused', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    writeFileSync(path, tar.archive(layoutFile, tar.symlink('index.json', '/etc/passwd')));
    await expect(opened(path).resolve('x')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  it('A19 a truncated one is refused, wherever it ends', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    const { from, root, tag } = await image('one');
    await written(path, (target) => copy(from, root, target, { tags: [tag] }));
    const whole = readFileSync(path);
    expect(whole.length % 512).toBe(0);
    for (let length = 0; length < whole.length; length += 256) {
      const cut = `${temporaryDirectory()}/cut.tar`;
      writeFileSync(cut, whole);
      truncateSync(cut, length);
      await expect(opened(cut).resolve(tag)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    }
  });

  it('A19 one that goes on behind its end is refused', async () => {
    await refused(Buffer.concat([tar.archive(layoutFile, index), Buffer.from('more')]));
  });

  it('a compressed one is refused with what to do', async () => {
    const path = `${temporaryDirectory()}/images.tar.gz`;
    writeFileSync(path, gzipSync(tar.archive(layoutFile, index)));
    await expect(opened(path).resolve('x')).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      hint: expect.stringContaining('gunzip'),
    });
  });

  it('B01 content that is not what its name says is refused', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    const { from, root, tag } = await image('one');
    await written(path, (target) => copy(from, root, target, { tags: [tag] }));
    const bytes = readFileSync(path);
    const at = bytes.indexOf('layer of one');
    bytes[at] = 0x21;
    writeFileSync(path, bytes);
    const archive = opened(path);
    const copied = copy(archive, await archive.resolve(tag), memoryTarget(), { tags: [] });
    await expect(copied).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('one that changes while it is read is refused', async () => {
    const path = `${temporaryDirectory()}/images.tar`;
    const { from, root, tag } = await image('one');
    await written(path, (target) => copy(from, root, target, { tags: [tag] }));
    const archive = opened(path);
    const found = await archive.resolve(tag);
    await written(path, (target) => copy(from, root, target, { tags: ['two'] }), { ifPresent: 'replace' });
    await expect(copy(archive, found, memoryTarget(), { tags: [] })).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
  });
});
