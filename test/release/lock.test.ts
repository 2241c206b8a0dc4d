import { expect, it } from 'vitest';
import { releaseLock } from '../../src/release/index.js';
import { lockedComponent, lockOf } from '../support/release-image.js';

it('A14 refuses components whose directories some file systems hold for the same', () => {
  const component = lockedComponent('example.com/acme/engine:edge');
  const release =
    (...names: string[]) =>
    () =>
      releaseLock(lockOf(Object.fromEntries(names.map((name) => [name, component]))), 'base');
  expect(Object.keys(release('b', 'a', 'B2')().sources)).toEqual(['B2', 'a', 'b']);
  expect(release('a', 'b', 'B')).toThrowError(
    expect.objectContaining({
      code: 'CONTENT_UNPUBLISHABLE',
      message: expect.stringContaining('"b" and "B" are the same name on macOS and Windows'),
    }),
  );
});
