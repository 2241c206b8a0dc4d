import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copyProduct } from '../support/product-copy.js';
import { newUser, program, type User } from './cli.js';

const show = ['--', 'sh', '-c', 'cat "$HELLO_ENGINE_DIR/templates/greeting.txt"; echo "$ENGINESHED_ENGINE"'];

async function prepare(): Promise<User> {
  const user = newUser();
  await copyProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  return user;
}

/** What of a store tells which engines there are. */
function engines(user: User): string[] {
  const entries = readdirSync(`${user.store}/engines`, { recursive: true }).map(String);
  return entries.filter((path) => !path.includes('used')).sort();
}

describe('try', () => {
  it('runs one command with a component replaced, and leaves no name and no state', async () => {
    const user = await prepare();
    const before = [
      engines(user),
      await user.output(['history', '--json']),
      await user.output(['list', '--json']),
    ];
    const plain = await user.output(['exec', 'hello-1.0.0', ...show]);
    const tried = await user.output(['try', 'engine=2.0.0', ...show]);
    expect(tried).not.toBe(plain);
    expect(tried).toContain(readFileSync(`${user.work}/components/engine/templates/greeting.txt`, 'utf8'));
    expect(tried.trim().split('\n').at(-1)).toMatch(/^hello-1\.0\.0@[0-9a-f]{16}$/);
    expect(await user.output(['exec', 'hello-1.0.0', ...show])).toBe(plain);
    expect([
      engines(user),
      await user.output(['history', '--json']),
      await user.output(['list', '--json']),
    ]).toEqual(before);
    expect(readdirSync(`${user.store}/staging`)).toEqual([]);
    expect((await user.json(['gc'])).layers).toHaveLength(1);
    expect((await user.json(['verify'])).faults).toEqual([]);
  });

  it.each([
    [
      'a digest',
      async (user: User) => `engine=${(await user.json(['inspect', 'oci:images/engine:2.0.0'])).digest}`,
    ],
    ['an image', async () => 'engine=oci:images/engine:2.0.0'],
    ['a directory', async () => 'engine=./components/engine'],
    [
      'a branch',
      async (user: User) => {
        const environment = { ENGINESHED_BRANCH: 'feature/x' };
        await user.output(['publish', 'components/engine', 'oci:images/engine', '--branch-tag'], {
          environment,
        });
        return 'engine=@feature/x';
      },
    ],
  ])('takes %s', async (_what, replacement) => {
    const user = await prepare();
    const greeting = readFileSync(`${user.work}/components/engine/templates/greeting.txt`, 'utf8');
    expect(await user.output(['try', await replacement(user), ...show])).toContain(greeting);
  });

  it('needs no engine to be installed, where it is named', async () => {
    const user = newUser();
    await copyProduct(user);
    const output = await user.output(['try', 'engine=1.0.0', '--engine', 'hello-2.0.0', ...show]);
    expect(output).toMatch(/hello-2\.0\.0@[0-9a-f]{16}\n$/);
    expect(readdirSync(`${user.store}/engines`)).toEqual([]);
    expect((await user.json(['list'])).engines).toEqual([]);
  });

  it('needs no install in a project either: it goes by the lock', async () => {
    const user = newUser();
    await copyProduct(user);
    const file = `${user.work}/engineshed.toml`;
    writeFileSync(file, `engine = "hello-1.0.0"\n${readFileSync(file, 'utf8')}`);
    await user.output(['lock']);
    const { digest } = await user.json(['inspect', 'oci:images/executor-bash:1.0.0']);
    await user.output(['publish', 'components/engine', 'oci:images/executor-bash:1.0.0']);
    const script = 'cat "$HELLO_ENGINE_DIR/templates/greeting.txt"; test -x "$HELLO_EXECUTOR"';
    const output = await user.output(['try', 'engine=2.0.0', '--', 'sh', '-c', script]);
    expect(output).toBe(readFileSync(`${user.work}/components/engine/templates/greeting.txt`, 'utf8'));
    expect(readFileSync(`${user.work}/engineshed.lock`, 'utf8')).toContain(digest);
    expect(readdirSync(`${user.store}/engines`)).toEqual([]);
  });

  it('passes arguments, standard input and exit status as exec does', async () => {
    const user = await prepare();
    const script = 'cat; printf "<%s>" "$@"; exit 7';
    const args = ['try', 'engine=2.0.0', '--', 'sh', '-c', script, 'sh', '--', '--engine', 'a b', ''];
    const result = await user.engineshed(args, { input: 'in' });
    expect([result.stdout, result.status]).toEqual(['in<--><--engine><a b><>', 7]);
  });

  it('says what it cannot replace, and needs a command', async () => {
    const user = await prepare();
    const cases: [string[], number, string][] = [
      [['engin=2.0.0', '--', 'true'], 66, 'Did you mean "engine"?'],
      [['engine=nothing', '--', 'true'], 66, 'has no image with the tag "nothing"'],
      [['engine=./nothing', '--', 'true'], 66, 'no directory'],
      [['engine=2.0.0', 'engine=1.0.0', '--', 'true'], 64, 'replaced twice'],
      [['engine', '--', 'true'], 64, 'SOURCE=TAG'],
      [['engine=', '--', 'true'], 64, 'SOURCE=TAG'],
      [['engine=2.0.0', 'true'], 64, 'No command'],
      [['--', 'true', 'x'], 64, 'Nothing was given'],
      [['engine=2.0.0', '--', 'no-such-command'], 66, 'no command "no-such-command"'],
    ];
    for (const [args, status, text] of cases) {
      const result = await user.engineshed(['try', ...args]);
      expect([args, result.status]).toEqual([args, status]);
      expect(result.stderr).toContain(text);
    }
    expect(engines(user).filter((path) => /\/[0-9a-f]{16}$/.test(path))).toHaveLength(1);
  });

  it('runs twice at once, while gc takes nothing of it and others install', async () => {
    const user = await prepare();
    const [one, two] = [start(user, 'one'), start(user, 'two')];
    await Promise.all([one.ready, two.ready]);
    expect((await user.json(['gc', '--keep', '1'])).layers).toEqual([]);
    await user.output(['install', 'hello-2.0.0']);
    one.go();
    expect(await one.ended).toEqual([0, null]);
    await user.output(['gc', '--keep', '1']);
    two.go();
    expect(await two.ended).toEqual([0, null]);
    expect(engines(user).filter((path) => /\/[0-9a-f]{16}$/.test(path))).toHaveLength(2);
  });

  it('leaves to gc what a killed one left', async () => {
    const user = await prepare();
    const killed = start(user, 'one');
    await killed.ready;
    killed.child.kill('SIGKILL');
    await killed.ended;
    killed.go();
    const left = (await user.json(['gc', '--keep', '1'])).states;
    expect(left).toMatchObject([{ name: 'hello-1.0.0' }]);
    expect(readdirSync(`${user.store}/locks`)).toEqual([]);
    expect((await user.json(['verify'])).faults).toEqual([]);
  });

  it('passes a signal on, and cleans up', async () => {
    const user = await prepare();
    const tried = start(user, 'one');
    await tried.ready;
    tried.child.kill('SIGTERM');
    expect(await tried.ended).toEqual([143, null]);
    expect(engines(user).filter((path) => /\/[0-9a-f]{16}$/.test(path))).toHaveLength(1);
  });

  it('asks no registry offline where the store has all', async () => {
    const user = await prepare();
    const { digest } = await user.json(['inspect', 'oci:images/engine:2.0.0']);
    const args = ['try', `engine=oci:images/engine@${digest}`, '--offline', ...show];
    expect(await user.output(args)).toContain('@');
    const refused = await user.engineshed([
      'try',
      'engine=localhost:1/acme/engine:x',
      '--offline',
      '--',
      'true',
    ]);
    expect([refused.status, refused.stderr]).toEqual([69, expect.stringContaining('without the network')]);
  });
});

/** Starts a trial whose command waits, and reads its files again at the end. */
function start(user: User, name: string) {
  const here = `${user.home}/${name}`;
  mkdirSync(here);
  const wait = `touch "${here}/ready"; while [ ! -e "${here}/go" ]; do sleep 0.05; done; cat "$HELLO_ENGINE_DIR/templates/greeting.txt" >/dev/null`;
  const child: ChildProcess = spawn(
    process.execPath,
    [program, 'try', 'engine=2.0.0', '--', 'sh', '-c', wait],
    {
      cwd: user.work,
      env: user.environment,
      stdio: 'ignore',
    },
  );
  onTestFinished(() => {
    writeFileSync(`${here}/go`, '');
    child.kill('SIGKILL');
  });
  return {
    child,
    ready: (async () => {
      while (!existsSync(`${here}/ready`)) await sleep(20);
    })(),
    ended: new Promise<[number | null, string | null]>((resolve) =>
      child.once('exit', (code, signal) => resolve([code, signal])),
    ),
    go: () => writeFileSync(`${here}/go`, ''),
  };
}
