import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { storePaths } from '../../src/store/index.js';
import { userIn } from '../acceptance/user.js';
import { leftovers, standing } from '../faults/state.js';
import { addImage, bootstrap, lacks } from '../support/bootstrap.js';
import { scripted } from '../support/registry-client.js';
import { archive, directory, file } from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const rounds = 2;

it.skipIf(lacks('curl'))(
  'E06 engineshed.sh and the program install, update and collect in one store at once, and accept what the other does',
  async () => {
    const registry = await scripted();
    const home = temporaryDirectory();
    const user = userIn(home);
    const image = (name: string, tag: string) => `${registry.host}/acme/${name}:${tag}`;
    // Both engines share the lower layer, which both programs want to install at the same time.
    const publish = (name: string, tag: string, content: string, round: number) =>
      addImage(registry.contents, `acme/${name}`, tag, [
        archive(directory('t'), file('t/same', `same ${round}`), file('t/says', 'nothing')),
        archive(directory('t'), file('t/says', content)),
      ]);
    const said = (name: string) =>
      readFileSync(`${user.store}/engines/${name}/active/sources/${name}/t/says`, 'utf8');
    publish('one', 'edge', 'one 0', 0);
    publish('two', 'edge', 'two 0', 0);
    await user.output(['install', image('one', 'edge'), '--name', 'one', '--use']);
    for (let round = 1; round <= rounds; round++) {
      for (const name of ['one', 'two']) publish(name, 'edge', `${name} ${round}`, round);
      const install = (name: string) => ['--name', name, image(name, 'edge')];
      const shell = round % 2 === 0 ? 'bash' : 'dash';
      const ran = await Promise.all([
        bootstrap(user, install('one'), { shell }),
        bootstrap(user, [...install('two'), '--use'], { shell }),
        bootstrap(user, install('two')),
        user.engineshed(['install', image('two', 'edge'), '--name', 'two']),
        user.engineshed(['install', image('one', 'edge'), '--name', 'one', '--use']),
        user.engineshed(['update', 'one']),
        user.engineshed(['gc', '--keep', '1']),
        user.engineshed(['verify']),
      ]);
      expect(ran.map(({ status, stdout, stderr }) => [status, status === 0 ? '' : stdout + stderr])).toEqual(
        ran.map(() => [0, '']),
      );
      expect(['one', 'two'].map(said)).toEqual([`one ${round}`, `two ${round}`]);
      expect(standing(storePaths(user.store))).toEqual([]);
    }
    await user.output(['gc', '--keep', '1']);
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    expect(leftovers(home)).toEqual([]);
    // One state of each engine, and the layers that they have; nothing of earlier rounds.
    const states = ['one', 'two'].map(
      (name) =>
        readdirSync(`${user.store}/engines/${name}`).filter((entry) => /^[0-9a-f]{16}$/.test(entry)).length,
    );
    expect([...states, readdirSync(`${user.store}/layers/sha256`).length]).toEqual([1, 1, 3]);
  },
  120_000,
);
