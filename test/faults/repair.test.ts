import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectRunning, expectSwept, makeSituation, type Situation, spread } from './example.js';

const engine = 'hello-1.0.0';
const command = ['verify', '--repair'];
/** How many calls are tried. */
const tried = 24;

describe('E01 a repair killed at a call', () => {
  it('leaves old or new, nothing runs from what is known to be damaged, and the next one repairs all', async () => {
    const situation = await makeSituation([engine]);
    const { user } = situation;
    const tree = () =>
      // When an engine was used last is not what is repaired.
      Object.fromEntries(Object.entries(situation.tree()).filter(([path]) => !path.endsWith('/used')));
    const whole = tree();
    const damage = () => damageFiles(situation);
    damage();
    const calls = await situation.calls(command);
    expect(tree()).toEqual(whole);
    for (const at of spread(calls, tried)) {
      await situation.restore();
      damage();
      const killed = await situation.runWith(command, 'kill', at);
      expect(killed.signal, `call ${at} of ${calls}`).toBe('SIGKILL');
      const ran = await user.engineshed(['exec', engine, '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada']);
      const { faults } = JSON.parse((await user.engineshed(['verify', '--json'])).stdout);
      // Before it is verified nothing is known; afterwards it runs whole, or not at all.
      const again = await user.engineshed(['exec', engine, '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada']);
      if (faults.length === 0) expect(ran.stdout, `call ${at}`).toBe('Hello, Ada!\n');
      // A damaged environment leads nowhere or to whole files.
      else if (faults.some(({ what }: { what: string }) => what === 'layer'))
        expect([again.status === 0, again.stdout], `call ${at}`).toEqual([false, '']);
      await user.output(command);
      expect(tree(), `killed at call ${at} of ${calls}`).toEqual(whole);
      await expectRunning(situation, engine);
      expectSwept(user);
    }
  });
});

/** Changes one file of each layer, and the environment. */
function damageFiles({ user, tree }: Situation): void {
  for (const [path, what] of Object.entries(tree())) {
    const [, name = ''] = /^0\/(layers\/sha256\/\w+\/[a-z].*)$/.exec(path) ?? [];
    if (!what.startsWith('file') || name === '' || name.endsWith('layer.json')) continue;
    const file = `${user.store}/${name}`;
    chmodSync(file, 0o644);
    writeFileSync(file, `${readFileSync(file, 'utf8')} `);
  }
  const home = `${user.store}/engines/${engine}`;
  const [id = ''] = readdirSync(home).filter((name) => name.length === 16);
  writeFileSync(`${home}/${id}/env`, '');
}
