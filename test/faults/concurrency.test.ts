import { expect, it } from 'vitest';
import { readEngines, storePaths } from '../../src/store/index.js';
import { readTree } from '../support/tree.js';
import { expectRunning, expectSwept, greetings, makeSituation } from './example.js';

const names = Object.keys(greetings);
/** What may be in the way of a command: an engine that another process uninstalled, or made the active one. */
const expected: Readonly<Record<number, RegExp>> = {
  64: /is the active one/,
  66: /is not installed|No engine is active/,
};

it('E03 eight processes do anything to one store', { timeout: 120_000 }, async () => {
  const situation = await makeSituation(names);
  const { user } = situation;
  const whole = readTree(`${user.store}/layers`);
  const ends = Date.now() + 12_000;
  const surprises: string[] = [];
  const counts = new Map<string, number>();
  let kills = 0;
  const worker = async () => {
    while (Date.now() < ends) {
      const command = pick([
        ['install', pick(names)],
        ['install', pick(names), '--use'],
        ['use', pick(names)],
        ['uninstall', pick(names)],
        ['uninstall', pick(names), '--force'],
        ['current'],
        ['list'],
      ]);
      // Every fifth process is killed somewhere.
      const killed = Math.random() < 0.2;
      const at = 1 + Math.floor(Math.random() * 80);
      const done = killed ? await situation.runWith(command, 'kill', at) : await user.engineshed(command);
      if (done.signal !== null) kills++;
      else if (done.status !== 0 && !expected[done.status ?? 0]?.test(done.stderr))
        surprises.push(`${command.join(' ')}: ${done.status} ${done.stderr}`);
      counts.set(`${command[0]}`, (counts.get(`${command[0]}`) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  expect(surprises).toEqual([]);
  expect(kills).toBeGreaterThan(0);
  expect(counts.size).toBe(5);
  // Whatever stands is whole.
  readEngines(storePaths(user.store), (_, error) => {
    throw error;
  });
  const left = readTree(`${user.store}/layers`);
  for (const [path, what] of Object.entries(left))
    if (!path.endsWith('layer.json')) expect(whole[path], path).toBe(what);
  for (const name of names) {
    await user.output(['install', name, '--use']);
    await expectRunning(situation, name);
  }
  expect(strip(readTree(`${user.store}/layers`))).toEqual(strip(whole));
  expectSwept(user);
  await user.output(['uninstall', 'hello-1.0.0']);
  await user.output(['uninstall', 'hello-2.0.0', '--force']);
  expect(readTree(`${user.store}/layers`)).toEqual({ sha256: 'directory 555' });
});

/** Without what tells for which engine a layer was fetched first. */
function strip(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.endsWith('layer.json')));
}

function pick<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T;
}
