import type { EngineLock } from '../engine/index.js';
import { type InstallInputs, installContent, refuseUnadmitted } from './install.js';
import { planInstall } from './plan.js';
import { sourceDirectory } from './source.js';
import { type Store, transaction } from './store.js';

/**
 * Runs `work` with the files of an engine's sources, complete and verified, under no engine's name. Nothing is collected while it
 * runs; afterwards what no engine needs is.
 * @param what is being done, for the history
 * @param work gets the directory of each source
 * @throws EngineshedError as `applyInstall` does, and what `work` throws
 */
export async function withSources<T>(
  store: Store,
  what: string,
  lock: EngineLock,
  { content, admission }: Pick<InstallInputs, 'content' | 'admission'>,
  work: (directories: ReadonlyMap<string, string>) => Promise<T>,
): Promise<T> {
  refuseUnadmitted(lock, admission);
  return transaction(store, what, async (running) => {
    await installContent(store, running, planInstall(store, lock), content);
    return work(
      new Map(
        Object.entries(lock.sources).map(([name, source]) => [name, sourceDirectory(store, name, source)]),
      ),
    );
  });
}
