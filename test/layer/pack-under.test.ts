import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packComponents, packDirectory } from '../../src/layer/index.js';
import { temporaryDirectory } from '../support/temporary.js';

it('packs a component under a directory, with all that it has', async () => {
  const directory = temporaryDirectory();
  const content = join(directory, 'content');
  mkdirSync(join(content, 'bin/.git'), { recursive: true });
  writeFileSync(join(content, '.dockerignore'), '*.log\n');
  writeFileSync(join(content, 'a.log'), 'kept');
  writeFileSync(join(content, 'bin/tool'), '#!/bin/sh\n', { mode: 0o555 });
  symlinkSync('tool', join(content, 'bin/link'));
  const file = join(directory, 'layer.tar.gz');
  const packed = await packComponents(
    [{ directory: content, under: 'engine', externalLinks: 'reject' }],
    file,
    {},
  );
  const listed = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).trim().split('\n');
  expect(listed).toEqual([
    'engine/',
    'engine/.dockerignore',
    'engine/a.log',
    'engine/bin/',
    'engine/bin/.git/',
    'engine/bin/link',
    'engine/bin/tool',
  ]);
  expect(execFileSync('tar', ['-xzOf', file, 'engine/a.log'], { encoding: 'utf8' })).toBe('kept');
  expect(packed.entries).toBe(7);
  expect(packed.descriptor.size).toBe(readFileSync(file).length);
});

it.each(['', '.', '..', 'a/b', '/a'])('refuses "%s" as the directory', async (under) => {
  const directory = temporaryDirectory();
  const made = packComponents([{ directory, under, externalLinks: 'reject' }], join(directory, 'layer'), {});
  await expect(made).rejects.toMatchObject({ code: 'NAME_INVALID' });
});

it('refuses what would be too deep there', async () => {
  const directory = temporaryDirectory();
  const deep = Array.from({ length: 256 }, () => 'd').join('/');
  mkdirSync(join(directory, 'content', deep), { recursive: true });
  const content = {
    directory: join(directory, 'content'),
    under: 'engine',
    externalLinks: 'reject',
  } as const;
  await packDirectory(content.directory, join(directory, 'checkout'), content);
  const made = packComponents([content], join(directory, 'layer'), {});
  await expect(made).rejects.toMatchObject({ code: 'CONTENT_UNPUBLISHABLE' });
});

it('packs several into one layer, and the same ones into the same', async () => {
  const directory = temporaryDirectory();
  const components = ['b', 'a'].map((under) => {
    mkdirSync(join(directory, under));
    writeFileSync(join(directory, under, 'name'), under);
    return { directory: join(directory, under), under, externalLinks: 'reject' } as const;
  });
  const [one, two] = [join(directory, 'one'), join(directory, 'two')];
  const packed = await packComponents(components, one, {});
  expect(await packComponents(components, two, {})).toEqual(packed);
  const listed = execFileSync('tar', ['-tzf', one], { encoding: 'utf8' }).trim().split('\n');
  expect(listed).toEqual(['b/', 'b/name', 'a/', 'a/name']);
});
