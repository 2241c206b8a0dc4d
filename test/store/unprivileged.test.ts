import { lstatSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useEngine } from '../../src/shim/index.js';
import { repair } from '../../src/store/index.js';
import { mark } from '../../src/store/mark.js';
import { archive, file } from '../support/tar-archive.js';
import { asOrdinaryUser } from '../support/unprivileged.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample } from './sample.js';

asOrdinaryUser();

it('E08 what is damaged and read-only is made anew for an ordinary user', async () => {
  const sample = await makeSample();
  await publishArchives(sample, 'tree', [archive(file('a', 'a')), archive(file('b', 'b'))]);
  const { engine } = await sample.install('first', 'base', 'tree');
  for (const { directory } of Object.values(engine.sources)) mark(directory);
  await sample.install('first', 'base', 'tree');
  await useEngine(sample.store, 'first');
  for (const { directory } of Object.values(engine.sources)) {
    expect(lstatSync(directory).mode & 0o777).toBe(0o555);
    mark(directory);
  }
  const content = () => layoutOf(sample);
  const { after } = await repair(sample.store, { mode: 'full', platform: 'linux', content });
  expect(after.faults).toEqual([]);
});
