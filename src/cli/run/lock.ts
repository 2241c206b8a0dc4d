import { formatProjectLock, lockId } from '../../engine/index.js';
import type { Host } from '../host.js';
import { writeLock } from '../lock-file.js';
import { printJson, printLine, printWarning, withProgress } from '../output.js';
import { lockName, type ProjectFlags, requireProject, withProject } from '../project.js';
import { currentLock } from '../project-install.js';
import { directoriesOf } from '../project-output.js';

/** Writes the lock of the project. */
export async function lock(this: Host, flags: ProjectFlags & { json?: boolean }): Promise<void> {
  const pin = requireProject(this);
  const { locked, written } = await withProgress(this, (report) =>
    withProject(this, flags, pin, report, async (project) => {
      const locked = await currentLock(this, project);
      return { locked, written: writeLock(this, project.lock, formatProjectLock(locked, project.lock)) };
    }),
  );
  const id = lockId(locked);
  if (flags.json) {
    printJson(this, { name: locked.name, id, project: { file: pin.file, lock: pin.lock, written } });
    return;
  }
  const name = lockName(this, pin.lock);
  const about = `${locked.name}, ${id.slice(0, 8)}`;
  printLine(this, written ? `${name} is written (${about}).` : `${name} is up to date (${about}).`);
  for (const source of directoriesOf(locked)) printWarning(this, source);
}
