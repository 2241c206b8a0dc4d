import {
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  makeDurableDirectories,
  publishDirectory,
  replaceFile,
  replaceLink,
  writeNewFile,
} from '../../src/files/index.js';
import { seenAtEachCall, systemError, withCalls } from '../support/calls.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('a new file', () => {
  it('E07 is new: what stands in its place is neither written to nor followed', () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/mine`, 'mine');
    symlinkSync('mine', `${directory}/link`);
    symlinkSync('nowhere', `${directory}/dangling`);
    for (const name of ['mine', 'link', 'dangling'])
      expect(() => writeNewFile(`${directory}/${name}`, 'ours')).toThrow('EEXIST');
    expect(readFileSync(`${directory}/mine`, 'utf8')).toBe('mine');
    expect(existsSync(`${directory}/nowhere`)).toBe(false);
  });

  it('is written whole where the system takes a few bytes at a time', async () => {
    const path = `${temporaryDirectory()}/new`;
    const few =
      (real: (...args: unknown[]) => unknown) =>
      (fd: number, bytes: Buffer, at = 0) =>
        real(fd, bytes, at, Math.min(3, bytes.byteLength - at));
    await withCalls({ writeSync: few as never }, () => writeNewFile(path, 'more than a few bytes'));
    expect(readFileSync(path, 'utf8')).toBe('more than a few bytes');
  });

  it('E02 is closed when it cannot be written', async () => {
    const path = `${temporaryDirectory()}/new`;
    let opened = -1;
    const fails = () => () => {
      throw systemError('ENOSPC', 'write');
    };
    const noted = (real: (...args: unknown[]) => number) =>
      ((...args: unknown[]) => {
        opened = real(...args);
        return opened;
      }) as never;
    await withCalls({ writeSync: fails, openSync: noted as never }, () =>
      expect(() => writeNewFile(path, 'x')).toThrow('ENOSPC'),
    );
    expect(() => fstatSync(opened)).toThrow('EBADF');
  });
});

describe('what is replaced', () => {
  it('is the old or the new at every moment: a file is replaced', async () => {
    const directory = temporaryDirectory();
    const path = `${directory}/file`;
    writeFileSync(path, 'old');
    const look = () => (existsSync(path) ? readFileSync(path, 'utf8') : 'nothing');
    expect(await seenAtEachCall(look, () => replaceFile(path, 'new', `${directory}/temporary`))).toEqual([
      'old',
      'new',
    ]);
  });

  it('leads to the old or the new at every moment: a link is replaced', async () => {
    const directory = temporaryDirectory();
    const path = `${directory}/link`;
    symlinkSync('old', path);
    const look = () =>
      lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'nowhere' : readlinkSync(path);
    expect(await seenAtEachCall(look, () => replaceLink(path, 'new', directory))).toEqual(['old', 'new']);
  });

  it('E02 leaves nothing beside it where it could not be replaced', () => {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/there/full`, { recursive: true });
    mkdirSync(`${directory}/staging`);
    expect(() => replaceFile(`${directory}/there`, 'x', `${directory}/staging/new`)).toThrow('EISDIR');
    expect(() => replaceLink(`${directory}/there`, 'x', `${directory}/staging`)).toThrow(/EISDIR|ENOTEMPTY/);
    expect(readdirSync(`${directory}/staging`)).toEqual([]);
  });

  const failing = (code: string) => ({
    fsyncSync: (real: (fd: number) => void) => (fd: number) => {
      if (fstatSync(fd).isDirectory()) throw systemError(code, 'fsync');
      real(fd);
    },
  });

  it('E02 is not said to be durable where its name could not be synced', async () => {
    const directory = temporaryDirectory();
    await withCalls(failing('EIO'), () =>
      expect(() => replaceFile(`${directory}/file`, 'new', `${directory}/temporary`)).toThrow('EIO'),
    );
  });

  it.each(['EINVAL', 'EPERM', 'EBADF', 'EISDIR'])(
    'is replaced on systems that cannot sync directories (%s)',
    async (code) => {
      const directory = temporaryDirectory();
      await withCalls(failing(code), () => replaceFile(`${directory}/file`, 'new', `${directory}/temporary`));
      expect(readFileSync(`${directory}/file`, 'utf8')).toBe('new');
    },
  );
});

describe('a finished directory', () => {
  it('E03 stays where somebody else made the same one', () => {
    const directory = temporaryDirectory();
    for (const name of ['ours', 'theirs']) {
      mkdirSync(`${directory}/${name}`);
      writeFileSync(`${directory}/${name}/whose`, name);
    }
    expect(publishDirectory(`${directory}/ours`, `${directory}/theirs`)).toBe('exists');
    expect(readFileSync(`${directory}/theirs/whose`, 'utf8')).toBe('theirs');
    expect(publishDirectory(`${directory}/ours`, `${directory}/place`)).toBe('moved');
    expect(readFileSync(`${directory}/place/whose`, 'utf8')).toBe('ours');
  });

  it('E02 that could not be moved is told', () => {
    const directory = temporaryDirectory();
    expect(() => publishDirectory(`${directory}/missing`, `${directory}/place`)).toThrow('ENOENT');
  });
});

describe('directories', () => {
  it('E03 may be made by another process meanwhile', async () => {
    const path = `${temporaryDirectory()}/deep/deeper`;
    const twice = (real: (path: string) => void) => (made: string) => {
      real(made);
      real(made);
    };
    await withCalls({ mkdirSync: twice as never }, () => makeDurableDirectories(path));
    expect(lstatSync(path).isDirectory()).toBe(true);
  });

  it('E03 may be made and taken away by another process meanwhile', async () => {
    const path = `${temporaryDirectory()}/deep`;
    let calls = 0;
    const taken = (real: (path: string) => void) => (made: string) => {
      calls += 1;
      if (calls === 1) throw systemError('EEXIST', 'mkdir');
      real(made);
    };
    await withCalls({ mkdirSync: taken as never }, () => makeDurableDirectories(path));
    expect(calls).toBe(2);
    expect(lstatSync(path).isDirectory()).toBe(true);
  });

  it('are not said to be there where a file stands in the place of one', () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/file`, '');
    expect(() => makeDurableDirectories(`${directory}/file`)).toThrow('EEXIST');
    symlinkSync('nowhere', `${directory}/link`);
    expect(() => makeDurableDirectories(`${directory}/link`)).toThrow('EEXIST');
  });

  it('E02 that cannot be made are told', async () => {
    const fails = () => () => {
      throw systemError('EROFS', 'mkdir');
    };
    await withCalls({ mkdirSync: fails as never }, () =>
      expect(() => makeDurableDirectories(`${temporaryDirectory()}/deep`)).toThrow('EROFS'),
    );
  });
});
