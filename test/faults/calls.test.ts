import { describe, expect, it, vi } from 'vitest';
import { expectRunning, expectSwept, makeSituation, spread } from './example.js';

// Each runs the program some fifty times.
vi.setConfig({ testTimeout: 300_000 });

const first = 'hello-1.0.0';
const second = 'hello-2.0.0';

/** A command that changes something, in which situation, and which engines may be active whenever it dies. */
interface Change {
  readonly command: readonly string[];
  readonly installed: readonly string[];
  readonly active: readonly string[];
}

const changes: Record<string, Change> = {
  install: { command: ['install', second, '--use'], installed: [first], active: [first, second] },
  use: { command: ['use', second], installed: [first, second], active: [first, second] },
  rollback: { command: ['rollback', '--to', '1'], installed: [first, second], active: [first] },
  gc: {
    command: ['gc', '--keep', '1', '--unused-for', '0h'],
    installed: [first, second],
    active: [first],
  },
  publish: {
    command: ['publish', 'components/engine', 'oci:images/engine:3'],
    installed: [first],
    active: [first],
  },
};
/** How many calls of each command are tried. */
const tried = 16;

describe('E01 killed at a call, and run again', () => {
  it.each(Object.entries(changes))('%s ends the same', async (_, { command, installed, active }) => {
    const situation = await makeSituation(installed);
    const { user } = situation;
    const calls = await situation.calls(command);
    const done = situation.tree();
    for (const at of spread(calls, tried)) {
      await situation.restore();
      const killed = await situation.runWith(command, 'kill', at);
      expect(killed.signal, `call ${at} of ${calls}`).toBe('SIGKILL');
      await expectRunning(situation, ...active);
      await user.output(command);
      expect(situation.tree(), `killed at call ${at} of ${calls}`).toEqual(done);
      expectSwept(user);
    }
  });

  it('uninstall keeps the active engine, and the next one frees what it left', async () => {
    const situation = await makeSituation([first, second]);
    const { user } = situation;
    const calls = await situation.calls(['uninstall', second]);
    for (const at of spread(calls, tried)) {
      await situation.restore();
      expect((await situation.runWith(['uninstall', second], 'kill', at)).signal).toBe('SIGKILL');
      await expectRunning(situation, first);
      const { engines } = await user.json(['list']);
      if (engines.length === 2) await user.output(['uninstall', second]);
      else await user.output(['use', first]);
      await expectRunning(situation, first);
      expectSwept(user);
      await user.output(['uninstall', first, '--force']);
      const left = Object.keys(situation.tree()).filter((path) =>
        /^0\/(engines|layers|trees|blobs)\/(?!sha256$)/.test(path),
      );
      expect(left, `killed at call ${at} of ${calls}`).toEqual([]);
    }
  });
});

describe('E02 a call fails', () => {
  const faults = ['ENOSPC', 'EIO', 'EACCES', 'EROFS', 'EDQUOT'];
  it.each(Object.entries(changes))(
    '%s says so and can be repeated',
    async (_, { command, installed, active }) => {
      const situation = await makeSituation(installed);
      const { user } = situation;
      const calls = await situation.calls(command);
      const done = situation.tree();
      const at = spread(calls, tried);
      for (const [index, call] of at.entries()) {
        await situation.restore();
        const fault = faults[index % faults.length] ?? '';
        const failed = await situation.runWith(command, fault, call);
        const what = `${fault} at call ${call} of ${calls}: ${failed.stderr}`;
        // Some calls only tidy up or give signs of life; then the command succeeds.
        expect([0, fault.startsWith('EA') || fault === 'EROFS' ? 77 : 74], what).toContain(failed.status);
        if (failed.status !== 0) expect(failed.stderr, what).toContain(fault);
        await expectRunning(situation, ...active);
        await user.output(command);
        expect(situation.tree(), what).toEqual(done);
        expectSwept(user);
      }
    },
  );
});
