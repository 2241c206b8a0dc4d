import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { expect, it } from 'vitest';
import { type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import { withStage } from '../../src/publish/stage.js';
import { failing, withCalls } from '../support/calls.js';
import { temporaryDirectory } from '../support/temporary.js';

const owner = ownerOf(process.pid);
const dead: Owner = { ...owner, start: '1' };
const nameOf = (of: Owner) => `engineshed-publish-${ownedName(of)}`;

it('E08 a stage is new, for nobody else, and gone at the end', async () => {
  const directory = temporaryDirectory();
  const umask = process.umask(0);
  try {
    await withStage(directory, owner, async (stage) =>
      expect(lstatSync(stage.directory).mode & 0o777).toBe(0o700),
    );
  } finally {
    process.umask(umask);
  }
  const fails = withStage(directory, owner, async () => {
    throw new Error('a test');
  });
  await expect(fails).rejects.toThrow('a test');
  expect(readdirSync(directory)).toEqual([]);
  // Whoever could tell its name could make it before us.
  const there = (real: unknown) => (path: string, options: object) => {
    const make = real as (path: string, options?: object) => void;
    if (path.includes('engineshed-publish-') && !existsSync(path)) make(path, {});
    make(path, options);
  };
  await withCalls({ mkdirSync: there as never }, () =>
    expect(withStage(directory, owner, async () => {})).rejects.toThrow('EEXIST'),
  );
});

it('E01 what killed processes left goes, and nothing else', async () => {
  const directory = temporaryDirectory();
  const left = nameOf(dead);
  const kept = [
    nameOf(owner),
    nameOf({ ...dead, place: '0123456789ab' }),
    'engineshed-publish-mine',
    nameOf(dead),
  ];
  for (const name of [left, ...kept.slice(0, 3)]) mkdirSync(`${directory}/${name}`);
  writeFileSync(`${directory}/${kept[3]}`, 'a file');
  // Long ago, as far as the other machine is concerned.
  utimesSync(`${directory}/${kept[1]}`, 1, 1);
  if (process.getuid?.() === 0) {
    const others = nameOf(dead);
    mkdirSync(`${directory}/${others}`);
    chownSync(`${directory}/${others}`, 65534, 65534);
    kept.push(others);
  }
  await withStage(directory, owner, async () => {});
  expect(readdirSync(directory).sort()).toEqual([...kept].sort());
});

it('E01 what cannot be removed stops nothing', async () => {
  const directory = temporaryDirectory();
  const left = `${directory}/${nameOf(dead)}`;
  mkdirSync(left);
  chmodSync(left, 0o755);
  await withCalls({ rmdirSync: failing('EACCES', (path) => path === left) }, () =>
    withStage(directory, owner, async () => {}),
  );
  expect(existsSync(left)).toBe(true);
});
