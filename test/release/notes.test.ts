import { expect, it } from 'vitest';
import { compareEngines, type EngineLock } from '../../src/engine/index.js';
import { digestOf } from '../../src/oci/index.js';
import { formatNotes } from '../../src/release/index.js';

function lockOf(components: Record<string, { revision: string; version?: string }>): EngineLock {
  const sources = Object.entries(components).map(([name, { revision, version }]) => {
    const digest = digestOf(Buffer.from(`${name} ${revision}`));
    const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 };
    const annotations = {
      'org.opencontainers.image.revision': revision,
      'org.opencontainers.image.source': `https://github.com/acme/${name}`,
      ...(version === undefined ? {} : { 'org.opencontainers.image.version': version }),
    };
    const image = { manifest: descriptor, config: descriptor, layers: [], annotations };
    return [name, { kind: 'image', reference: `example.com/acme/${name}:edge`, resolved: digest, ...image }];
  });
  return {
    name: 'product',
    description: '',
    kind: 'custom',
    catalog: 'product',
    sources: Object.fromEntries(sources),
    parts: [],
    environment: [],
  };
}

const commit = (letter: string) => letter.repeat(40);

it('notes tell what came, went and moved, and where the commits are', () => {
  const before = lockOf({
    engine: { revision: commit('a'), version: '1.0.0' },
    old: { revision: commit('b') },
    same: { revision: commit('c') },
  });
  const after = lockOf({
    engine: { revision: commit('d'), version: '1.1.0' },
    fresh: { revision: commit('e') },
    same: { revision: commit('c') },
  });
  const notes = formatNotes({ before: '1.0.0', after: '1.1.0', comparison: compareEngines(before, after) });
  expect(notes).toContain(`| engine | 1.0.0 ${'a'.repeat(10)}`);
  expect(notes).toContain(
    `[compare](https://github.com/acme/engine/compare/${commit('a')}...${commit('d')})`,
  );
  expect(notes).toMatch(/^\| fresh \| new \| e{10} \w{12} \| {2}\|$/m);
  expect(notes).toMatch(/^\| old \| b{10} \w{12} \| removed \| {2}\|$/m);
  expect(notes).toContain('Unchanged: same.');
});

it('what an image says of itself is no markup in notes', () => {
  const evil = '1.0 | [x](javascript:alert(1)) <img src=x>\n# Title `code`';
  const before = lockOf({ engine: { revision: commit('a') } });
  const after = lockOf({ engine: { revision: commit('b'), version: evil } });
  const notes = formatNotes({ before: 'one', after: 'two', comparison: compareEngines(before, after) });
  expect(notes).not.toMatch(/(?<!\\)[<`]|^# Title|[^\\]\[x\]/m);
  const row = notes.split('\n').find((line) => line.startsWith('| engine'));
  expect(row?.replaceAll('\\|', '').split('|')).toHaveLength(6);
});

it('notes of the same release say so', () => {
  const lock = lockOf({ engine: { revision: commit('a') } });
  const notes = formatNotes({ before: 'one', after: 'two', comparison: compareEngines(lock, lock) });
  expect(notes).toContain('The components are the same.');
});
