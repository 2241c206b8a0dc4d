import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { composeTree, packDirectory, removeTree } from '../../src/layer/index.js';
import { archive, directory, file } from '../support/tar-archive.js';
import { applyArchive, treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';
import { asOrdinaryUser } from '../support/unprivileged.js';

asOrdinaryUser();

const readOnly = archive(
  directory('d', { mode: 0o500 }),
  directory('d/deep', { mode: 0 }),
  file('d/deep/f', 'content', { mode: 0 }),
  file('d/late', 'late', { mode: 0o444 }),
);

it('an ordinary user applies, composes and removes a read-only tree', async () => {
  const { root, applied } = await applyArchive(readOnly);
  expect(Object.keys(treeOf(root))).toEqual(['d', 'd/deep', 'd/deep/f', 'd/late']);
  expect(() => writeFileSync(join(root, 'd', 'deep', 'f'), 'changed')).toThrow('EACCES');
  expect(() => writeFileSync(join(root, 'd', 'new'), '')).toThrow('EACCES');

  const tree = join(temporaryDirectory(), 'tree');
  mkdirSync(tree);
  await composeTree([{ root, ...applied }], tree);
  expect(treeOf(tree)).toEqual(treeOf(root));

  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  expect(readFileSync(join(root, 'd/deep/f'), 'utf8')).toBe('content');
});

it('an ordinary user is told what cannot be read', async () => {
  const pack = (root: string) =>
    packDirectory(root, join(temporaryDirectory(), 'layer.tgz'), { externalLinks: 'reject' });
  const root = temporaryDirectory();
  writeFileSync(join(root, 'secret'), 'x', { mode: 0 });
  await expect(pack(root)).rejects.toMatchObject({
    code: 'FILE_PERMISSION',
    message: expect.stringContaining('secret'),
  });
  const other = temporaryDirectory();
  mkdirSync(join(other, 'closed'), { mode: 0 });
  await expect(pack(other)).rejects.toMatchObject({ code: 'FILE_PERMISSION' });
  chmodSync(join(other, 'closed'), 0o700);
});
