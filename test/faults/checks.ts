import { existsSync } from 'node:fs';
import { ownerOf } from '../../src/files/index.js';
import { gc, type Store, storeAt } from '../../src/store/index.js';
import { Verification } from '../../src/store/verify.js';
import type { User } from '../acceptance/user.js';
import type { Change } from './changes.js';

const greeting = 'Hello, Ada!\n';

/** What `verify` finds in a store. Neither sweeps nor marks where all is well. */
export async function verified(when: string, user: User): Promise<string[]> {
  if (!existsSync(user.store)) return [];
  const options = { mode: 'full', platform: process.platform } as const;
  const { faults, unrecorded } = await new Verification(storeOf(user), options, 'free').run();
  return [
    ...faults.map(({ path, fault }) => `${when}: verify finds ${path} (${fault})`),
    ...unrecorded.map((diffId) => `${when}: nothing is recorded of ${diffId}`),
  ];
}

/** Frees all that no name needs. */
export async function collectAll(user: User): Promise<void> {
  if (existsSync(`${user.store}/store.json`)) await gc(storeOf(user), { generations: 0 });
}

/**
 * What must hold of an engine that was damaged: once `verify` has told that, nothing runs from it; where it finds nothing, the engine runs
 * as if nothing had been.
 */
export async function refusal(user: User, { active: [engine] }: Change): Promise<string[]> {
  const runs = () => user.engineshed(['exec', engine ?? '', '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada']);
  const before = await runs();
  const { stdout, status } = await user.engineshed(['verify', engine ?? '', '--json']);
  const { faults } = JSON.parse(stdout);
  if (status !== (faults.length === 0 ? 0 : 65)) return [`verify ends with ${status}`];
  const after = await runs();
  if (faults.length > 0)
    return after.status === 65 && after.stdout === '' ? [] : [`a damaged engine says ${after.stdout}`];
  return [before, after].flatMap((ran) =>
    ran.stdout === greeting ? [] : [`a whole engine says ${ran.stdout} ${ran.stderr}`],
  );
}

function storeOf({ store }: User): Store {
  return storeAt(store, ownerOf(process.pid), () => new Date());
}
