import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copyProduct } from '../support/product-copy.js';
import { readTree } from '../support/tree.js';
import { newUser, run, type User } from './cli.js';

const name = 'hello-1.0.0';
const greet = ['--', 'sh', '-c', 'cat "$HELLO_ENGINE_DIR/templates/greeting.txt"'];
const greeting = (user: User) => user.output(['exec', name, ...greet]);
const activeId = (user: User) => readlinkSync(`${user.store}/engines/${name}/active`);
const states = (user: User) =>
  readdirSync(`${user.store}/engines/${name}`).filter((entry) => /^[0-9a-f]{16}$/.test(entry));

/** A user with an engine, and a working copy of one of its components beside the working directory. */
async function prepare(): Promise<User & { copy: string }> {
  const user = newUser();
  await copyProduct(user);
  await user.output(['install', name]);
  const copy = `${user.home}/a copy`;
  cpSync(`${user.work}/components/engine`, copy, { recursive: true });
  writeFileSync(`${copy}/templates/greeting.txt`, 'working copy\n');
  return { ...user, copy };
}

describe('link', () => {
  it('puts a working copy into an engine, whose changes are seen at once; unlink takes it out', async () => {
    const user = await prepare();
    const plain = await greeting(user);
    const base = activeId(user);
    const copy = readTree(user.copy);
    expect(await user.output(['link', 'engine', '../a copy'])).toBe(
      `engine of ${name} is ${user.copy} now.\n`,
    );
    expect(await greeting(user)).toBe('working copy\n');
    appendFileSync(`${user.copy}/templates/greeting.txt`, 'changed\n');
    expect(await greeting(user)).toBe('working copy\nchanged\n');
    expect(readFileSync(`${user.store}/current/env`, 'utf8')).toContain(user.copy);
    expect((await user.json(['list'])).engines[0].linked).toEqual({ engine: user.copy });
    expect(await user.output(['list'])).toContain('engine (linked)');
    expect(await user.output(['show'])).toContain(`source engine: the directory ${user.copy}, linked`);
    expect(await user.json(['current'])).toMatchObject({ name, linked: { engine: user.copy } });
    expect((await user.json(['history'])).generations.at(-1)).toMatchObject({
      change: `link ${name} engine`,
    });
    expect((await user.json(['verify'])).faults).toEqual([]);
    await user.output(['unlink']);
    expect([await greeting(user), activeId(user)]).toEqual([plain, base]);
    expect(readdirSync(`${user.store}/engines/${name}`)).not.toContain('links');
    expect((await user.json(['list'])).engines[0].linked).toEqual({});
    writeFileSync(`${user.copy}/templates/greeting.txt`, 'working copy\n');
    expect(readTree(user.copy)).toEqual(copy);
  });

  it('links several sources, each for itself', async () => {
    const user = await prepare();
    const plugin = `${user.home}/plugin`;
    cpSync(`${user.work}/components/engine-plugin-emphasis`, plugin, { recursive: true });
    await user.output(['link', 'engine', user.copy]);
    const both = await user.json(['link', 'engine-plugin-emphasis', plugin]);
    expect(both.linked).toEqual({ engine: user.copy, 'engine-plugin-emphasis': plugin });
    expect(await user.output(['link', 'engine', user.copy])).toContain('already');
    expect(await user.output(['link', 'engine', `${user.work}/components/engine`])).toContain(
      `instead of ${user.copy}`,
    );
    await user.output(['unlink', 'engine']);
    expect((await user.json(['list'])).engines[0].linked).toEqual({ 'engine-plugin-emphasis': plugin });
    const twice = await user.engineshed(['unlink', 'engine']);
    expect([twice.status, twice.stderr]).toEqual([
      66,
      expect.stringContaining('Linked are: engine-plugin-emphasis'),
    ]);
    await user.output(['unlink']);
    expect((await user.engineshed(['unlink'])).status).toBe(66);
  });

  it('is kept by install, when the engine has moved too', async () => {
    const user = await prepare();
    await user.output(['publish', 'components/executor-bash', 'oci:images/moving:edge']);
    await user.output(['install', 'oci:images/moving:edge', '--name', 'moving', '--use']);
    const copy = `${user.home}/moving`;
    cpSync(`${user.work}/components/executor-bash`, copy, { recursive: true });
    await user.output(['link', 'moving', copy]);
    const before = readlinkSync(`${user.store}/engines/moving/active`);
    const same = await user.output(['install', 'oci:images/moving:edge', '--name', 'moving']);
    expect(same).toContain('up to date');
    expect(same).toContain(`moving stays linked to ${copy}`);
    appendFileSync(`${user.work}/components/executor-bash/bin/hello.sh`, '\n# changed\n');
    await user.output(['publish', 'components/executor-bash', 'oci:images/moving:edge']);
    expect(await user.output(['install', 'oci:images/moving:edge', '--name', 'moving'])).toContain(
      'stays linked',
    );
    expect(readlinkSync(`${user.store}/engines/moving/active`)).not.toBe(before);
    expect((await user.json(['show', 'moving'])).sources.moving.directory).toBe(copy);
    await user.output(['unlink']);
    const now = (await user.json(['show', 'moving'])).sources.moving.directory;
    expect(readFileSync(`${now}/bin/hello.sh`, 'utf8')).toContain('# changed');
  });

  it('is told apart from what moves beneath it by outdated, update and diff', async () => {
    const user = await prepare();
    const publish = (content: string) => {
      writeFileSync(`${user.work}/components/executor-bash/release`, content);
      return user.json(['publish', 'components/executor-bash', 'oci:images/moving:edge']);
    };
    const first = await publish('one');
    await user.output(['install', 'oci:images/moving:edge', '--name', 'moving', '--use']);
    const copy = `${user.home}/moving`;
    cpSync(`${user.work}/components/executor-bash`, copy, { recursive: true });
    writeFileSync(`${copy}/mine`, 'mine');
    await user.output(['link', 'moving', copy]);
    // A link alone makes nothing outdated; what it hides is compared with what there is now.
    expect(await user.json(['outdated', 'moving'])).toMatchObject({ outdated: false });
    expect(await user.output(['update', 'moving'])).toContain('up to date');
    const mine = await user.json(['diff', 'moving', '--files']);
    expect(mine.files).toEqual([{ source: 'moving', path: 'mine', change: 'removed' }]);
    const second = await publish('two');
    const { status, stdout } = await user.engineshed(['outdated', 'moving', '--json']);
    const change = { source: 'moving', before: { digest: first.digest }, after: { digest: second.digest } };
    expect([status, JSON.parse(stdout).engines[0].changes]).toMatchObject([1, [change]]);
    expect(await user.json(['update', 'moving', '--dry-run'])).toMatchObject({ changes: [change] });
    expect(await user.output(['update', 'moving'])).toContain(`moving stays linked to ${copy}`);
    expect(await user.json(['outdated'])).toMatchObject({ outdated: false });
    expect((await user.json(['show', 'moving'])).sources.moving.directory).toBe(copy);
    await user.output(['unlink']);
    const { directory } = (await user.json(['show', 'moving'])).sources.moving;
    expect(readFileSync(`${directory}/release`, 'utf8')).toBe('two');
  });

  it('stands above the override of a project, which update moves on beneath it', async () => {
    const user = await prepare();
    const project = { directory: `${user.work}/project` };
    mkdirSync(project.directory);
    const definition = readFileSync(`${user.work}/engineshed.toml`, 'utf8').replaceAll(
      'images/',
      '../images/',
    );
    writeFileSync(
      `${project.directory}/engineshed.toml`,
      `engine = "${name}"\n${definition}\n[overrides]\nengine = { tag = "feature" }\n`,
    );
    const publish = (content: string) => {
      writeFileSync(`${user.work}/components/engine/templates/greeting.txt`, content);
      return user.output(['publish', 'components/engine', 'oci:images/engine:feature']);
    };
    const says = () => user.output(['exec', ...greet], project);
    const plain = await greeting(user);
    await publish('feature\n');
    await user.output(['install'], project);
    expect(await says()).toBe('feature\n');
    await user.output(['link', 'engine', user.copy], project);
    expect(await says()).toBe('working copy\n');
    await publish('feature, later\n');
    expect((await user.engineshed(['outdated'], project)).status).toBe(1);
    await user.output(['update'], project);
    expect((await user.engineshed(['outdated'], project)).status).toBe(0);
    expect(await says()).toBe('working copy\n');
    await user.output(['unlink'], project);
    expect(await says()).toBe('feature, later\n');
    expect(await greeting(user)).toBe(plain);
    expect((await user.json(['verify'])).faults).toEqual([]);
  });

  it('is gone back over and forth by rollback', async () => {
    const user = await prepare();
    const plain = await greeting(user);
    await user.output(['link', 'engine', user.copy]);
    await user.output(['rollback']);
    expect(await greeting(user)).toBe(plain);
    expect((await user.engineshed(['unlink'])).status).toBe(66);
    expect(await user.output(['install', name])).not.toContain('linked');
    await user.output(['rollback', '--to', '2']);
    expect(await greeting(user)).toBe('working copy\n');
    await user.output(['unlink', 'engine']);
    expect(await greeting(user)).toBe(plain);
  });

  it('keeps what is behind it from gc, and is taken by gc when it is out', async () => {
    const user = await prepare();
    await user.output(['link', 'engine', user.copy]);
    await user.output(['install', 'hello-2.0.0', '--use']);
    expect((await user.json(['gc', '--keep', '1'])).states).toEqual([]);
    expect(states(user)).toHaveLength(2);
    await user.output(['unlink', '--engine', name]);
    expect((await user.json(['gc', '--keep', '1'])).states).toHaveLength(1);
    expect((await user.json(['verify'])).faults).toEqual([]);
    expect(await greeting(user)).toContain('Hello');
    await user.output(['link', 'engine', user.copy, '--engine', name]);
    await user.output(['uninstall', name]);
    expect(readFileSync(`${user.copy}/templates/greeting.txt`, 'utf8')).toBe('working copy\n');
  });

  it('E02 is taken by gc to the last directory, when unlink was killed at it', async () => {
    const user = await prepare();
    const links = `${user.store}/engines/${name}/links`;
    mkdirSync(links);
    await user.output(['gc']);
    expect(existsSync(links)).toBe(false);
  });

  it('says how to take out a working copy that is gone', async () => {
    const user = await prepare();
    await user.output(['link', 'engine', user.copy]);
    renameSync(user.copy, `${user.copy} elsewhere`);
    for (const args of [
      ['exec', name, '--', 'true'],
      ['env'],
      ['use', name],
      ['install', name],
      ['which', 'engine'],
    ]) {
      const result = await user.engineshed(args);
      expect([args, result.status]).toEqual([args, 66]);
      expect(result.stderr).toContain(`engineshed unlink engine --engine ${name}`);
    }
    expect((await user.json(['verify'])).faults).toEqual([]);
    for (const args of [['list'], ['show'], ['current'], ['gc']]) await user.output(args);
    await user.output(['unlink', 'engine', '--engine', name]);
    expect(await greeting(user)).toContain('Hello');
  });

  it('refuses what cannot stand in, and changes nothing then', async () => {
    const user = await prepare();
    mkdirSync(`${user.work}/empty`);
    writeFileSync(`${user.work}/file`, '');
    const before = [activeId(user), states(user), await user.output(['history'])];
    const consolidated = `${user.work}/engineshed.toml`;
    writeFileSync(
      consolidated,
      `${readFileSync(consolidated, 'utf8')}
[engines.part]
sources.engine = { layout = "images/engine:1.0.0" }
parts.templates = { source = "engine", path = "templates" }
`,
    );
    await user.output(['install', 'part']);
    const cases: [string[], string][] = [
      [['engin', user.copy], 'Did you mean "engine"?'],
      [['engine', 'nothing'], 'There is no directory'],
      [['engine', 'file'], 'There is no directory'],
      [['engine', 'empty', '--engine', 'part'], 'no such path'],
      [['engine', 'empty', '--engine', 'other'], 'not installed'],
    ];
    for (const [args, text] of cases) {
      const result = await user.engineshed(['link', ...args]);
      expect([args, result.status]).toEqual([args, 66]);
      expect(result.stderr).toContain(text);
    }
    expect([activeId(user), states(user)]).toEqual(before.slice(0, 2));
    expect((await user.json(['verify'])).faults).toEqual([]);
  });

  it('stands in for one component of a consolidated image, and for a trial too', async () => {
    const user = await prepare();
    mkdirSync(`${user.work}/all`);
    for (const component of ['engine', 'executor-bash'])
      cpSync(`${user.work}/components/${component}`, `${user.work}/all/${component}`, { recursive: true });
    await user.output(['publish', 'all', 'oci:images/all:1']);
    writeFileSync(
      `${user.work}/engineshed.toml`,
      `[engines.all]
sources.all = { layout = "images/all:1" }
parts.engine = { source = "all", path = "engine" }
parts.templates = { source = "all", path = "engine/templates" }
parts.executor-bash = { source = "all", path = "executor-bash" }
`,
    );
    await user.output(['install', 'all', '--use']);
    await user.output(['link', 'engine', user.copy]);
    const parts = (await user.json(['show'])).parts.map(({ directory }: { directory: string }) => directory);
    expect(parts.slice(0, 2)).toEqual([user.copy, `${user.copy}/templates`]);
    expect(parts[2]).toContain(user.store);
    const tried = await user.output([
      'try',
      'executor-bash=./all/executor-bash',
      '--',
      'sh',
      '-c',
      'echo "$ENGINESHED_ENGINE"',
    ]);
    expect(tried).toMatch(/^all@/);
    rmSync(user.copy, { recursive: true });
    expect((await user.engineshed(['try', 'executor-bash=./all/executor-bash', '--', 'true'])).status).toBe(
      66,
    );
  });

  it('is in every project that pins the engine, whose shims follow; another state of the engine is linked beside it', async () => {
    const user = await prepare();
    appendFileSync(`${user.work}/components/executor-bash/bin/hello.sh`, '# changed\n');
    await user.output(['publish', 'components/executor-bash', 'oci:images/executor-bash:3.0.0']);
    const definition = readFileSync(`${user.work}/engineshed.toml`, 'utf8');
    for (const project of ['one', 'two']) {
      mkdirSync(`${user.work}/${project}`);
      const text = definition.replaceAll('images/', '../images/');
      const overrides = project === 'two' ? '[overrides]\nexecutor-bash = { tag = "3.0.0" }\n' : '';
      writeFileSync(`${user.work}/${project}/engineshed.toml`, `engine = "${name}"\n${text}\n${overrides}`);
    }
    const [one, two] = [{ directory: `${user.work}/one` }, { directory: `${user.work}/two` }];
    await user.output(['install'], one);
    await user.output(['install'], two);
    const shim = (options: { directory: string }) =>
      run(`${user.store}/shims/hello`, ['you'], { ...options, environment: user.environment });
    const lock = readFileSync(`${user.work}/two/engineshed.lock`, 'utf8');
    await user.output(['link', 'engine', user.copy], two);
    const explained = await user.output(['current', '--explain'], two);
    expect(explained).toContain(`engine is linked to ${user.copy}`);
    for (const options of [one, two, { directory: user.home }]) {
      expect((await user.json(['current'], options)).linked).toEqual({ engine: user.copy });
      expect((await shim(options)).stdout).toContain('working copy');
    }
    expect((await user.json(['current'], one)).id).not.toBe((await user.json(['current'], two)).id);
    // An exact state is that very one.
    const { id } = JSON.parse(lock);
    const exact = { environment: { ENGINESHED_ENGINE: `${name}@${id}` } };
    expect((await user.json(['current'], exact)).linked).toEqual({});
    expect(await user.output(['install', '--locked'], two)).toContain('engine stays linked');
    expect(readFileSync(`${user.work}/two/engineshed.lock`, 'utf8')).toBe(lock);
    expect((await user.json(['gc', '--keep', '1'])).states).toEqual([]);
    await user.output(['unlink'], one);
    for (const options of [one, two, { directory: user.home }]) {
      expect((await user.json(['current'], options)).linked).toEqual({});
      expect((await shim(options)).stdout).not.toContain('working copy');
    }
    expect((await user.json(['verify'])).faults).toEqual([]);
  });

  it('survives a kill at any call: what is linked runs, and another link or unlink mends the rest', async () => {
    const user = await prepare();
    for (let call = 1; ; call += 7) {
      const preload = `${user.home}/kill.cjs`;
      writeFileSync(preload, killAt(call));
      const environment = { NODE_OPTIONS: `--require "${preload}"` };
      const { signal } = await user.engineshed(['link', 'engine', user.copy], { environment });
      expect(['working copy\n', 'Hello, {name}.\n']).toContain(await greeting(user));
      await user.engineshed(['unlink']);
      expect(await greeting(user)).toBe('Hello, {name}.\n');
      if (signal === null) break;
    }
    expect((await user.json(['verify'])).faults).toEqual([]);
  });
});

/** Kills the process at its n-th call that changes the file system. */
function killAt(call: number): string {
  return `const fs = require('node:fs'); let left = ${call};
for (const name of ['mkdirSync', 'symlinkSync', 'renameSync', 'rmSync', 'rmdirSync', 'openSync']) {
  const real = fs[name];
  fs[name] = (...args) => { if (String(args[0]).includes('/store/') && --left === 0) process.kill(process.pid, 'SIGKILL'); return real(...args); };
}
require('node:module').syncBuiltinESMExports();
`;
}
