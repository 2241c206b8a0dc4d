import { createLayout, type Layout } from '../content/index.js';
import type { Owner } from '../files/index.js';
import { withTemporaryDirectory } from './temporary.js';

/**
 * Runs `work` with an image layout of its own, which is gone afterwards.
 * @param temporary a directory that others may use too, such as `/tmp`; it must have room for the compressed content
 * @throws EngineshedError as {@link withTemporaryDirectory} does
 */
export function withStage<T>(
  temporary: string,
  owner: Owner,
  work: (stage: Layout) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(temporary, 'publish', owner, (stage) => work(createLayout(stage, owner)));
}
