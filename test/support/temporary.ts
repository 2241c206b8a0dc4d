import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';
import { removeTree } from '../../src/layer/remove.js';

/** A fresh directory for one test, gone when it ends. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-test-`));
  onTestFinished(() => removeTree(directory));
  return directory;
}
