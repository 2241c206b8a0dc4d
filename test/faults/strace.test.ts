import { describe, expect, it } from 'vitest';
import { peersMissing } from '../support/peers.js';
import { temporaryDirectory } from '../support/temporary.js';
import { makeStand, type Stand } from './stand.js';
import { type SystemCall, systemCalls, undurable } from './strace.js';
import { changeNames, presentSeed } from './walk.js';

const seed = presentSeed(process.env);
const without = peersMissing('strace');

/** Names that are different each time. */
function plain(path: string): string {
  return path
    .replace(/\d+-\d+-[0-9a-f]{12}-[0-9a-f]{12}/g, 'OWNED')
    .replace(/-[0-9a-f]{16}(?=\/|$)/g, '-RANDOM');
}

async function traced(stand: Stand): Promise<SystemCall[]> {
  await stand.restore();
  const { change, user } = stand;
  return systemCalls(user, change.command, { TMPDIR: `${user.home}/tmp` }, change.input);
}

describe.skipIf(without)('E01 the calls that are struck', () => {
  // A few commands with every commit: each is run three times.
  const names = Array.from({ length: 4 }, (_, at) => changeNames[(seed + at * 5) % changeNames.length] ?? '');
  it.each([...new Set(names)])(
    'are all that the system sees, and what they write is durable: %s',
    async (name) => {
      const stand = await makeStand(name, temporaryDirectory());
      const { home } = stand.user;
      const struck = new Set<string>();
      for (const { changes, name: call, path } of stand.calls) {
        if (!changes) continue;
        const at = plain(path.slice(home.length + 1));
        // What removes a file or a directory is one call or the other; what makes a directory may make those above it.
        for (const seen of call === 'rm' ? ['unlink', 'rmdir'] : [call]) struck.add(`${seen} ${at}`);
        const parts = call === 'mkdir' ? at.split('/') : [];
        for (const [end] of parts.entries()) struck.add(`mkdir ${parts.slice(0, end).join('/')}`);
      }
      const calls = await traced(stand);
      const seen = calls.map((call) => `${call.name} ${plain(call.path)}`);
      expect(seen.length).toBeGreaterThan(3);
      expect(seen.filter((call) => !struck.has(call))).toEqual([]);
      expect(undurable(calls)).toEqual([]);
      await stand.close();
    },
  );
});
