import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishProduct } from '../support/product.js';
import { newUser, run } from './cli.js';

describe('the main job', () => {
  it('publishes components, installs two engines, switches and runs them', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    const second = await user.json(['install', 'hello-2.0.0']);
    expect(second.fetchedLayers.map((layer: { source: string }) => layer.source)).toEqual(['engine']);

    const greet = ['sh', '-c', '"$HELLO_EXECUTOR" Ada'];
    expect(await user.output(['current'])).toBe('hello-1.0.0\n');
    expect(await user.output(['exec', 'hello-1.0.0', '--', ...greet])).toBe('Hello, Ada!\n');
    expect(await user.output(['exec', 'hello-2.0.0', '--', ...greet])).toBe('Welcome back, Ada!\n');

    await user.output(['use', 'hello-2.0.0']);
    expect(await user.output(['current'])).toBe('hello-2.0.0\n');
    expect(
      (
        await run('sh', ['-c', '. "$ENGINESHED_HOME/current/env"; "$HELLO_EXECUTOR" Ada'], {
          environment: user.environment,
        })
      ).stdout,
    ).toBe('Welcome back, Ada!\n');
    expect(readFileSync(`${user.store}/current/parts/engine/templates/greeting.txt`, 'utf8')).toBe(
      'Welcome back, {name}.\n',
    );
  });

  it('changes nothing and downloads nothing when installed again', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    const before = execFileSync('find', [user.store, '-printf', '%p %i %T@\n'], { encoding: 'utf8' });
    const again = await user.json(['install', 'hello-1.0.0']);
    expect(again).toMatchObject({ upToDate: true, fetchedLayers: [], fetchedBytes: 0 });
    expect(execFileSync('find', [user.store, '-printf', '%p %i %T@\n'], { encoding: 'utf8' })).toBe(before);
  });

  it('keeps a source that two engines share once, read-only', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['install', 'hello-2.0.0']);
    expect(readdirSync(`${user.store}/layers/sha256`)).toHaveLength(4);
    const plugin = (name: string) =>
      realpathSync(`${user.store}/engines/${name}/active/parts/engine-plugin-emphasis`);
    expect(plugin('hello-1.0.0')).toBe(plugin('hello-2.0.0'));
    const script = `${realpathSync(`${user.store}/engines/hello-1.0.0/active/parts/executor-bash`)}/bin/hello.sh`;
    expect(lstatSync(script).mode & 0o777).toBe(0o555);
  });

  it('follows a tag that moved, and leaves the earlier state in place', async () => {
    const user = newUser();
    await publishProduct(user);
    const first = await user.json(['install', 'oci:images/engine:1.0.0', '--name', 'moving']);
    await user.output(['publish', 'components/engine', 'oci:images/engine:1.0.0']);
    const second = await user.json(['install', 'oci:images/engine:1.0.0', '--name', 'moving']);
    expect(second.id).not.toBe(first.id);
    expect(readdirSync(`${user.store}/engines/moving`).sort()).toEqual(
      [first.id, second.id, 'active'].sort(),
    );
    expect((await user.json(['current'])).id).toBe(second.id);
  });
});

describe('looking at engines', () => {
  it('lists, shows, and finds their parts', async () => {
    const user = newUser();
    expect(await user.output(['list'])).toContain('No engine is installed');
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['install', 'hello-2.0.0']);
    expect((await user.output(['list'])).split('\n').map((line) => line.split(/\s+/).slice(0, 2))).toEqual([
      ['', 'ENGINE'],
      ['*', 'hello-1.0.0'],
      ['', 'hello-2.0.0'],
      [''],
    ]);
    expect(
      (await user.json(['list'])).engines.map((engine: { name: string; active: boolean }) => [
        engine.name,
        engine.active,
      ]),
    ).toEqual([
      ['hello-1.0.0', true],
      ['hello-2.0.0', false],
    ]);
    expect(await user.output(['which', 'executor-bash/bin/hello.sh'])).toBe(
      `${realpathSync(`${user.store}/current/parts/executor-bash`)}/bin/hello.sh\n`,
    );
    const shown = await user.output(['show', 'hello-2.0.0']);
    for (const word of ['engine-plugin-emphasis', 'HELLO_EXECUTOR', 'sha256:']) expect(shown).toContain(word);
    expect((await user.json(['show'])).name).toBe('hello-1.0.0');
    expect(await user.output(['show', 'hello-3.0.0'])).toContain('not installed');
  });

  it('lists what can be installed, the newest first, with what is installed marked', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['publish', 'components/engine', 'oci:images/engine:10.0.0']);
    await user.output(['install', 'hello-1.0.0']);
    // The built-in catalog's registry cannot be reached here; what can be asked is listed all the same.
    const listed = await user.json(['available', '--registry', '127.0.0.1:1']);
    const names = listed.engines.filter((engine: { name: string }) => engine.name.startsWith('hello'));
    expect(
      names.map((engine: { name: string; installed: boolean }) => [engine.name, engine.installed]),
    ).toEqual([
      ['hello-2.0.0', false],
      ['hello-1.0.0', true],
    ]);
  });
});

describe('the environment', () => {
  it('selects an engine for one shell', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['install', 'hello-2.0.0']);
    const asked = { environment: { HAMLET_ENGINE: 'hello-2.0.0' } };
    expect(await user.json(['current'], asked)).toMatchObject({
      name: 'hello-2.0.0',
      selectedBy: 'environment',
    });
    expect(await user.output(['env'], asked)).toContain('HELLO_ENGINE_DIR');
    const both = { environment: { HAMLET_ENGINE: 'hello-2.0.0', ENGINESHED_ENGINE: 'hello-1.0.0' } };
    expect(await user.output(['current'], both)).toBe('hello-1.0.0\n');
    const hostile = await user.engineshed(['current'], { environment: { ENGINESHED_ENGINE: '../../etc' } });
    expect(hostile).toMatchObject({ status: 64, stdout: '' });
  });

  it('is given to a command, whose exit status and standard input pass through', async () => {
    const user = newUser();
    await publishProduct(user);
    const { id } = await user.json(['install', 'hello-1.0.0']);
    const result = await user.engineshed(
      ['exec', 'hello-1.0.0', '--', 'sh', '-c', 'cat; echo "$ENGINESHED_ENGINE"; exit 7'],
      { input: 'in' },
    );
    expect(result).toMatchObject({ status: 7, stdout: `inhello-1.0.0@${id}\n` });
    const killed = await user.engineshed(['exec', 'hello-1.0.0', '--', 'sh', '-c', 'kill -TERM $$']);
    expect(killed.status).toBe(143);
    const missing = await user.engineshed(['exec', 'hello-1.0.0', '--', 'no-such-command']);
    expect(missing.status).toBe(66);
    expect(missing.stderr).toContain('no-such-command');
  });
});

describe('uninstall', () => {
  it('E09 refuses the active engine without --force', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    const refused = await user.engineshed(['uninstall', 'hello-1.0.0']);
    expect(refused.status).toBe(64);
    expect(refused.stderr).toContain('--force');
    expect(await user.output(['current'])).toBe('hello-1.0.0\n');
    await user.output(['uninstall', 'hello-1.0.0', '--force']);
    expect((await user.engineshed(['current'])).status).toBe(66);
    expect(readdirSync(`${user.store}/layers/sha256`)).toEqual([]);
  });

  it('E09 refuses what the lock of a project names without --force, and the project brings it back', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-2.0.0']);
    const project = { directory: `${user.work}/project` };
    mkdirSync(project.directory);
    const definition = readFileSync(`${user.work}/engineshed.toml`, 'utf8').replaceAll(
      'images/',
      '../images/',
    );
    writeFileSync(`${project.directory}/engineshed.toml`, `engine = "hello-1.0.0"\n${definition}`);
    await user.output(['install'], project);
    const lock = `${project.directory}/engineshed.lock`;
    const refused = await user.engineshed(['uninstall', 'hello-1.0.0', '--json']);
    expect([refused.status, JSON.parse(refused.stderr).error]).toEqual([
      64,
      expect.objectContaining({ code: 'ENGINE_NEEDED', message: expect.stringContaining(lock) }),
    ]);
    const says = () => user.output(['exec', '--', 'sh', '-c', '"$HELLO_EXECUTOR"'], project);
    expect(await says()).toBe('Hello, world!\n');
    expect(await user.json(['uninstall', 'hello-1.0.0', '--force'])).toMatchObject({ projects: [lock] });
    await user.output(['install', '--locked'], project);
    expect(await says()).toBe('Hello, world!\n');
    // A lock that is gone, or names another engine, needs nothing.
    writeFileSync(`${project.directory}/engineshed.toml`, `engine = "hello-2.0.0"\n${definition}`);
    await user.output(['install'], project);
    expect(await user.json(['uninstall', 'hello-1.0.0'])).toMatchObject({ projects: [] });
    rmSync(lock);
    expect(await user.json(['uninstall', 'hello-2.0.0', '--force'])).toMatchObject({ projects: [] });
  });

  it('removes what no other engine needs, and nothing else', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['install', 'hello-2.0.0']);
    expect(await user.json(['uninstall', 'hello-2.0.0'])).toMatchObject({
      removedLayers: 1,
      wasActive: false,
    });
    expect(await user.output(['exec', 'hello-1.0.0', '--', 'sh', '-c', '"$HELLO_EXECUTOR"'])).toBe(
      'Hello, world!\n',
    );
    expect(readdirSync(user.store).sort()).toEqual([
      'blobs',
      'current',
      'engines',
      'history',
      'layers',
      'locks',
      'partial',
      'projects',
      'reserve',
      'shims',
      'staging',
      'store.json',
      'trees',
    ]);
    expect(readdirSync(`${user.store}/staging`)).toEqual([]);
    expect(readdirSync(`${user.store}/locks`)).toEqual([]);
    expect(readdirSync(`${user.store}/partial`)).toEqual([]);
  });
});

describe('what goes wrong', () => {
  it('is told with a status that says whether to try again', async () => {
    const user = newUser();
    for (const [args, status, words] of [
      [['install', 'nosuch'], 66, 'nosuch'],
      [['install', 'oci:missing:1'], 66, 'missing'],
      [['install', 'ghcr.io/UPPER/case:1'], 64, 'UPPER'],
      [['install', '127.0.0.1:1/x/y:1'], 69, '127.0.0.1:1'],
      [['use', 'train'], 66, 'engineshed install train'],
      [['use', '../x'], 64, 'not an engine name'],
      [['current'], 66, 'engineshed install'],
      [['publish', 'missing', 'oci:images:1'], 66, 'missing'],
      [['publish', '.', 'oci:images:1@sha256:00'], 64, 'sha256'],
      [['install', '--unknown'], 64, '--unknown'],
      [['instal'], 64, 'install'],
    ] as const) {
      const result = await user.engineshed(args);
      expect([args, result.status]).toEqual([args, status]);
      expect(result.stderr).toContain(words);
      expect(result.stderr).not.toContain('    at ');
    }
    expect(readdirSync(user.work)).toEqual([]);
  });

  it('is told as JSON where JSON is asked for', async () => {
    const user = newUser();
    const result = await user.engineshed(['use', 'train', '--json']);
    expect(result.stdout).toBe('');
    expect(JSON.parse(result.stderr)).toEqual({
      error: {
        code: 'ENGINE_NOT_INSTALLED',
        kind: 'notFound',
        message: 'The engine train is not installed',
        hint: 'Install it with: engineshed install train',
      },
    });
  });

  it('D03 is told with file and line for a configuration file', async () => {
    const user = newUser();
    writeFileSync(`${user.work}/engineshed.toml`, '[engines.x]\nsorces = {}\n');
    const result = await user.engineshed(['install', 'x']);
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/engineshed\.toml:\d.*sources/s);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'is a configuration file that another user planted where everybody may write',
    async () => {
      const user = newUser();
      const shared = `${user.home}/shared`;
      mkdirSync(`${shared}/project`, { recursive: true });
      chmodSync(shared, 0o1777);
      writeFileSync(`${shared}/engineshed.toml`, '[engines.train.sources]\nx = { directory = "/" }\n');
      chownSync(`${shared}/engineshed.toml`, 12345, 12345);
      const refused = await user.engineshed(['show', 'train'], { directory: `${shared}/project` });
      expect(refused.status).toBe(78);
      expect(refused.stderr).toContain('belongs to another user');
      chmodSync(shared, 0o755);
      await user.output(['show', 'train'], { directory: `${shared}/project` });
    },
  );

  it('E06 E10 leaves a newer store and a file in the way alone', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    writeFileSync(`${user.store}/store.json`, '{"version":2}');
    expect((await user.engineshed(['install', 'hello-2.0.0'])).status).toBe(78);
    expect((await user.engineshed(['current'])).status).toBe(78);
    const other = newUser();
    await publishProduct(other);
    mkdirSync(`${other.store}/current`, { recursive: true });
    const refused = await other.engineshed(['install', 'hello-1.0.0', '--use']);
    expect(refused.status).toBe(74);
    expect(lstatSync(`${other.store}/current`).isDirectory()).toBe(true);
  });
});
