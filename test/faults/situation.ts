import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { storePaths } from '../../src/store/index.js';
import type { User } from '../acceptance/user.js';
import { running, standing } from './state.js';

/** Checks that the active engine is one of these, that it runs, and that every record can be read. */
export async function expectRunning({ user }: { readonly user: User }, ...names: string[]): Promise<void> {
  const paths = storePaths(user.store);
  expect([...standing(paths), ...running(paths, names)]).toEqual([]);
}

/** Checks that no process left anything in staging and locks. */
export function expectSwept({ store }: User): void {
  for (const place of ['staging', 'locks']) {
    expect(existsSync(`${store}/${place}`) ? readdirSync(`${store}/${place}`) : []).toEqual([]);
  }
}
