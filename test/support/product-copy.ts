import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import type { User } from '../acceptance/cli.js';
import { publishProduct } from './product.js';

/** What the first user of a test file published. */
let published: string | undefined;

afterAll(() => {
  if (published !== undefined) rmSync(published, { recursive: true });
  published = undefined;
});

/** Gives a user the example product, as `publishProduct` does, and publishes it just once for all tests of a file. */
export async function copyProduct(user: User): Promise<void> {
  if (published !== undefined) {
    cpSync(published, user.work, { recursive: true });
    return;
  }
  await publishProduct(user);
  published = mkdtempSync(`${tmpdir()}/engineshed-product-`);
  cpSync(user.work, published, { recursive: true });
}
