import { symlinkSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isDirectory } from '../../src/cli/directories.js';
import { refuseGone } from '../../src/store/linked.js';
import { failing, withCalls } from '../support/calls.js';
import { temporaryDirectory } from '../support/temporary.js';

it('tells a directory from what is none', async () => {
  const directory = temporaryDirectory();
  writeFileSync(`${directory}/file`, '');
  symlinkSync('loop', `${directory}/loop`);
  symlinkSync('.', `${directory}/link`);
  const told = (name: string) => isDirectory(`${directory}/${name}`);
  expect(
    await Promise.all(['.', 'link', 'none', 'file', 'file/x', 'loop', 'x'.repeat(300)].map(told)),
  ).toEqual([true, true, false, false, false, false, false]);
});

it.each([
  ['EACCES', 'FILE_PERMISSION'],
  ['EIO', 'IO_FAILED'],
])('E02 does not take what cannot be looked at for none: %s', async (code, told) => {
  const directory = temporaryDirectory();
  await withCalls({ statSync: failing(code, (path) => path === directory) }, () =>
    expect(isDirectory(directory)).rejects.toMatchObject({ code: told }),
  );
});

it('E02 nor a working copy for gone', async () => {
  const directory = temporaryDirectory();
  const refuse = () => refuseGone('train', { engine: directory });
  await withCalls({ statSync: failing('EIO', (path) => path === directory) }, () =>
    expect(refuse).toThrow(expect.objectContaining({ code: 'IO_FAILED' })),
  );
  expect(refuse).not.toThrow();
  expect(() => refuseGone('train', { engine: `${directory}/gone` })).toThrow('which is not there');
});
