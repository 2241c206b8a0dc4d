import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { temporaryDirectory } from '../support/temporary.js';

it('removes a read-only tree and nothing that its links lead to', async () => {
  const home = temporaryDirectory();
  const keep = join(home, 'keep');
  const tree = join(home, 'tree');
  mkdirSync(join(keep, 'sub'), { recursive: true });
  writeFileSync(join(keep, 'sub', 'file'), 'kept', { mode: 0o444 });
  mkdirSync(join(tree, 'a', 'b'), { recursive: true });
  writeFileSync(join(tree, 'a', 'b', 'file'), 'x');
  linkSync(join(keep, 'sub', 'file'), join(tree, 'a', 'shared'));
  symlinkSync(keep, join(tree, 'a', 'out'));
  symlinkSync('missing', join(tree, 'dangling'));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x80])]), 'x');
  chmodSync(join(keep, 'sub'), 0o555);
  for (const path of ['a/b', 'a', '']) chmodSync(join(tree, path), 0o500);

  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  expect(readFileSync(join(keep, 'sub', 'file'), 'utf8')).toBe('kept');
  expect(lstatSync(join(keep, 'sub')).mode & 0o777).toBe(0o555);
  expect(lstatSync(join(keep, 'sub', 'file')).mode & 0o777).toBe(0o444);
});

it('removes a link instead of what it leads to', async () => {
  const home = temporaryDirectory();
  mkdirSync(join(home, 'real'));
  writeFileSync(join(home, 'real', 'file'), 'x');
  symlinkSync('real', join(home, 'link'));
  await removeTree(join(home, 'link'));
  expect(existsSync(join(home, 'link'))).toBe(false);
  expect(existsSync(join(home, 'real', 'file'))).toBe(true);
});

it('is content with what is missing, and with two at once', async () => {
  const home = temporaryDirectory();
  await removeTree(join(home, 'missing'));
  const tree = join(home, 'tree');
  for (let at = 0; at < 50; at++) {
    mkdirSync(join(tree, `d${at}`), { recursive: true });
    for (let inner = 0; inner < 100; inner++) writeFileSync(join(tree, `d${at}`, `${inner}`), '');
  }
  await Promise.all([removeTree(tree), removeTree(tree), removeTree(tree)]);
  expect(existsSync(tree)).toBe(false);
});
