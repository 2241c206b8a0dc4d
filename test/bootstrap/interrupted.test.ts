import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSelections } from '../../src/store/history.js';
import { readHistory, storePaths } from '../../src/store/index.js';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { run, type User, userIn } from '../acceptance/user.js';
import { differences, everything, leftovers, type State, standing } from '../faults/state.js';
import { presentSeed } from '../faults/walk.js';
import { addImage, bootstrap, lacks, script } from '../support/bootstrap.js';
import { strikeAt } from '../support/struck-tools.js';
import { archive, directory, file, pax } from '../support/tar-archive.js';

// The same points for every commit, as test/faults/walking.ts has them; FAULTS_SEED gives others, FAULTS_POINTS=1000 all.
const { FAULTS_SEED = '189249779', FAULTS_POINTS = '3' } = process.env;
const seed = presentSeed({ FAULTS_SEED });

describe.skipIf(lacks('curl')).each(['the first engine', 'another version'])(
  `engineshed.sh, killed while it installs %s (FAULTS_SEED=${seed})`,
  (what) => {
    let registry: ScriptedRegistry;
    let home: string;
    let user: User;
    let before: State;
    let after: State;
    let calls: readonly string[];

    const image = (version: string) => `${registry.host}/acme/hello:${version}`;
    const command = () => [script, '--name', 'hello', '--use', image('2')];
    const strike = (at: number) =>
      strikeAt(home, { command: ['dash', ...command()], cwd: user.work, environment: user.environment }, at);

    beforeAll(async () => {
      home = (await run('mktemp', ['-d'])).stdout.trim();
      user = userIn(`${home}/user`);
      registry = await ScriptedRegistry.start();
      // Two layers, so that a tree is made of them; one has an entry that is cut out by hand.
      const lower = archive(directory('t'), file('t/same', 'same'), file('t/hello', 'Hello 0\n'));
      for (const version of ['1', '2']) {
        const name = pax({ path: `t/${'n'.repeat(120)}` });
        const upper = archive(directory('t'), file('t/hello', `Hello ${version}\n`), name, file('n', 'long'));
        addImage(registry.contents, 'acme/hello', version, [lower, upper]);
      }
      if (what === 'another version') await user.output(['install', image('1'), '--name', 'hello', '--use']);
      mkdirSync(user.store, { recursive: true });
      before = stateOf(user);
      await run('cp', ['-a', user.home, `${home}/before`]);
      const ended = await strike(0);
      expect(ended).toMatchObject({ how: 'over', status: 0 });
      calls = ended.calls;
      after = stateOf(user);
    }, 60_000);

    afterAll(async () => {
      await registry?.close();
      await run('chmod', ['-R', 'u+rwX', home]);
      await run('rm', ['-rf', home]);
    });

    const restore = async () => {
      await run('chmod', ['-R', 'u+rwX', user.home]);
      await run('rm', ['-rf', user.home]);
      await run('cp', ['-a', `${home}/before`, user.home]);
    };

    /** What does not hold after a kill. Every other time the program goes on, not the script. */
    async function faultsAfter(number: number): Promise<string[]> {
      const now = stateOf(user);
      const faults = [...now].flatMap(([path, what]) =>
        /^store\/(staging|locks|partial)(\/|$)/.test(path) ||
        [before.get(path), after.get(path)].includes(what) ||
        what.startsWith('directory')
          ? []
          : [`${path} is ${what}`],
      );
      for (const path of before.keys()) if (!now.has(path) && after.has(path)) faults.push(`${path} is gone`);
      faults.push(...standing(storePaths(user.store)), ...(await says(what)));
      const verify = async () => {
        const { status, stdout, stderr } = await user.engineshed(['verify', '--json']);
        if (status !== 0) faults.push(`verify: ${stdout} ${stderr}`);
      };
      const args = ['--name', 'hello', '--use', image('2')];
      if (number % 2 === 1) await verify();
      const again =
        number % 2 === 0 ? await bootstrap(user, args) : await user.engineshed(['install', ...args]);
      if (again.status !== 0) faults.push(`again: ${again.stderr}`);
      faults.push(...(await says('')), ...unrecorded(user));
      if (number % 2 === 0) await verify();
      faults.push(...differences('given again', stateOf(user), after));
      const collected = await user.engineshed(['gc']);
      if (collected.status !== 0) faults.push(`gc: ${collected.stderr}`);
      return [...faults, ...leftovers(user.home), ...differences('collected', stateOf(user), after)];
    }

    /** Which version runs: the new one, or, where it may be another, what was there. */
    async function says(situation: string): Promise<string[]> {
      const { stdout } = await run('cat', [`${user.store}/current/sources/hello/t/hello`]);
      const other = situation === 'another version' ? 'Hello 1\n' : '';
      return stdout === 'Hello 2\n' || (situation !== '' && stdout === other) ? [] : [`runs ${stdout}`];
    }

    it('E01 before any program that it starts, keeps what is and ends the same when it is given again', async () => {
      const points = Math.min(Number(FAULTS_POINTS), calls.length);
      const faults: string[] = [];
      for (let point = 0; point < points; point++) {
        const at = 1 + ((seed + Math.floor((point * calls.length) / points)) % calls.length);
        await restore();
        const { how } = await strike(at);
        if (how === 'over') faults.push(`${at}: was not killed`);
        faults.push(...(await faultsAfter(point)).map((fault) => `${at} (${calls[at - 1]}): ${fault}`));
      }
      expect(faults).toEqual([]);
    }, 3_600_000);

    it('E01 beside the place of a tree, whose files are those of its layers: they stay as they are when it is swept', async () => {
      await restore();
      const at = 1 + calls.findIndex((call) => /^mv .*\/staging\/.*\/tree-\w+ .*\/trees\//.test(call));
      expect(await strike(at)).toMatchObject({ how: 'killed' });
      expect(await faultsAfter(0)).toEqual([]);
    });
  },
);

/** Everything of a user. How the files of a layer are recorded depends on who wrote it, the program or the script. */
function stateOf({ home }: User): State {
  const state = [...everything(home)].filter(([path]) => path !== 'store/projects');
  return new Map(
    state.map(([path, what]) => [path, /\/(layer\.json|\.inventory)$/.test(path) ? 'record' : what]),
  );
}

/** The history is at what the names stand for. */
function unrecorded({ store }: User): string[] {
  const paths = storePaths(store);
  const { generations, position } = readHistory(paths);
  const at = generations.find(({ number }) => number === position);
  const { active, engines } = readSelections(paths);
  const [recorded, real] = [
    { active: at?.active, engines: at?.engines },
    { active, engines },
  ].map((each) => JSON.stringify(each));
  return recorded === real ? [] : [`the history is at ${recorded}, the names stand for ${real}`];
}
