import { expect, it } from 'vitest';
import { SymlinkTable } from '../../src/layer/links.js';

function escapeOf(links: Record<string, string>): string | undefined {
  const table = new SymlinkTable();
  for (const [path, target] of Object.entries(links)) table.add(path, target);
  return table.firstEscape()?.path;
}

it('A04 finds the link that leads out through an absolute one, whoever let that one in', () => {
  expect(escapeOf({ a: '/etc', b: 'a/../x' })).toBe('b');
  expect(escapeOf({ a: 'C:/x', b: 'a/../x' })).toBe('b');
});

it('A04 finds the link that leads out through others, and no other', () => {
  expect(escapeOf({ up: 'd/e', 'd/e': '..', b: 'up/../../x' })).toBe('b');
  expect(escapeOf({ up: 'd/e/f', b: 'up/../../x' })).toBeUndefined();
  expect(escapeOf({ a: 'b/../c', b: 'a/../c' })).toBeUndefined();
});
