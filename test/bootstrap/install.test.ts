import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { run, type User, userIn } from '../acceptance/user.js';
import {
  addImage,
  bootstrap,
  lacks,
  type Shell,
  script,
  shells,
  toolDirectory,
  toolsets,
} from '../support/bootstrap.js';
import { hamletComponents, makeHamlet } from '../support/hamlet.js';
import { type RealRegistry, startRealRegistry } from '../support/registry-debian.js';
import { archive, directory, file, hardlink, pax, symlink } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

const needed = ['docker-registry', 'curl', 'wget', 'busybox', 'bsdtar', 'original-awk', 'mawk'];

describe.skipIf(lacks(...needed))('engineshed.sh', () => {
  let registry: RealRegistry;
  let cli: User;
  let homes: string;

  beforeAll(async () => {
    homes = await makeHome();
    mkdirSync(`${homes}/registry`);
    registry = await startRealRegistry({ directory: `${homes}/registry` });
    cli = userIn(`${homes}/cli`);
    makeHamlet(`${cli.work}/hamlet`, '1');
    for (const component of hamletComponents)
      await cli.output(['publish', `hamlet/${component}`, `${registry.host}/hamlet-io/${component}:edge`]);
    for (const tag of ['latest', '8.4.0'])
      await cli.output(['publish', 'hamlet', `${registry.host}/hamlet-io/hamlet-engine-base:${tag}`]);
    writeFileSync(
      `${cli.work}/engineshed.toml`,
      `[[registry]]\nprefix = "ghcr.io/hamlet-io"\nlocation = "${registry.host}/hamlet-io"\n`,
    );
    for (const engine of engines) await cli.output(['install', engine]);
    await cli.output(['install', `${registry.host}/hamlet-io/engine:edge`, '--name', 'one']);
  });

  afterAll(async () => {
    await registry?.close();
    await run('chmod', ['-R', 'u+rwX', homes]);
    await run('rm', ['-rf', homes]);
  });

  const mirror = () => ['--mirror', `${registry.host}/hamlet-io`];
  const ids = (user: User) => (name: string) => readlinkSync(`${user.store}/engines/${name}/active`);

  const engines = ['8.4.0', 'train', 'unicycle'];

  async function installs(user: User, options: Parameters<typeof bootstrap>[2]) {
    for (const engine of engines) {
      const result = await bootstrap(user, [...mirror(), engine], options);
      expect(result).toMatchObject({ status: 0 });
      expect(result.stdout).toBe(`${user.store}/engines/${engine}/${ids(cli)(engine)}\n`);
    }
    const named = await bootstrap(user, ['--name', 'one', `${registry.host}/hamlet-io/engine:edge`], options);
    expect(named).toMatchObject({ status: 0, stdout: `${user.store}/engines/one/${ids(cli)('one')}\n` });
    expect(readdirSync(`${user.store}/staging`)).toEqual([]);
    expect(readdirSync(`${user.store}/locks`)).toEqual([]);
  }

  /** What the names of two stores lead to, apart from where the stores are. */
  function same(user: User) {
    for (const directory of readdirSync(`${cli.store}/layers/sha256`)) {
      const layer = (store: string) =>
        treeOf(`${store}/layers/sha256/${directory}`, (path) => !/^(\.inventory|layer\.json)$/.test(path));
      expect(layer(user.store)).toEqual(layer(cli.store));
    }
    for (const engine of [...engines, 'one']) {
      const text = (store: string, name: string) =>
        readFileSync(`${store}/engines/${engine}/active/${name}`, 'utf8').replaceAll(store, 'STORE');
      expect(text(user.store, 'env')).toBe(text(cli.store, 'env'));
      expect(JSON.parse(text(user.store, 'lock.json'))).toEqual(JSON.parse(text(cli.store, 'lock.json')));
      const record = (store: string) => ({ ...JSON.parse(text(store, 'engine.json')), installed: '' });
      expect(record(user.store)).toEqual(record(cli.store));
    }
  }

  async function isTakenByTheProgram(user: User) {
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    const listed = await user.json(['list']);
    expect(listed.engines.map(({ name }: { name: string }) => name)).toEqual([
      '8.4.0',
      'one',
      'train',
      'unicycle',
    ]);
    expect(await user.output(['env'], { environment: { ENGINESHED_ENGINE: 'train' } })).toBe(
      readFileSync(`${user.store}/engines/train/active/env`, 'utf8'),
    );
  }

  it.each(Object.keys(shells) as Shell[])('runs in %s, and makes what the program makes', async (shell) => {
    if (lacks(shells[shell][0] as string)) return;
    const user = userIn(temporaryDirectory());
    await installs(user, { shell });
    same(user);
    await isTakenByTheProgram(user);
  });

  it.each(Object.keys(toolsets))('runs with the tools "%s" only', async (tools) => {
    const home = temporaryDirectory();
    const user = userIn(home);
    const shell = tools === 'busybox' ? 'busybox' : 'dash';
    await installs(user, { shell, path: toolDirectory(home, tools) });
    same(user);
    await isTakenByTheProgram(user);
  });

  it('is at home in a store of the program, and fetches nothing twice', async () => {
    const user = userIn(temporaryDirectory());
    await user.output(['install', `${registry.host}/hamlet-io/engine:edge`, '--name', 'one']);
    const again = await bootstrap(user, ['--name', 'one', `${registry.host}/hamlet-io/engine:edge`]);
    expect(again.stderr).not.toContain('Fetching');
    await bootstrap(user, [...mirror(), 'unicycle', '--use']);
    expect(readlinkSync(`${user.store}/current`)).toBe('engines/unicycle/active');
    const { stdout } = await user.engineshed([
      'exec',
      'unicycle',
      '--',
      'sh',
      '-c',
      'cat "$GENERATION_ENGINE_DIR/client/client.ftl"',
    ]);
    expect(stdout).toBe('engine 1\n');
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    const { generations } = await user.json(['history']);
    expect(generations.map(({ change }: { change: string }) => change)).toContain('install unicycle');
    await user.output(['rollback']);
    expect(readlinkSync(`${user.store}/current`)).toBe('engines/one/active');
    await user.output(['gc']);
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
  });

  it('is told by verify of a file that was changed', async () => {
    const user = userIn(temporaryDirectory());
    await bootstrap(user, [...mirror(), 'train']);
    const path = `${user.store}/current/parts/core-engine/client/client.ftl`;
    await run('chmod', ['u+w', path]);
    writeFileSync(path, 'engine 2\n');
    await run('chmod', ['444', path]);
    const { faults } = JSON.parse((await user.engineshed(['verify', '--json'])).stdout);
    expect(faults).toMatchObject([{ fault: 'content', path: expect.stringContaining('client.ftl') }]);
  });

  it('installs exactly what a lock file says, and refuses one that is not true', async () => {
    const user = userIn(temporaryDirectory());
    const configuration = readFileSync(`${cli.work}/engineshed.toml`, 'utf8');
    writeFileSync(`${user.work}/engineshed.toml`, `engine = "train"\n${configuration}`);
    await user.output(['lock']);
    const locked = await bootstrap(user, [...mirror(), '--lock', 'engineshed.lock']);
    expect(locked).toMatchObject({ status: 0, stdout: `${user.store}/engines/train/${ids(cli)('train')}\n` });
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    expect((await user.engineshed(['install', '--locked'])).stdout).toContain('up to date');
    const text = readFileSync(`${user.work}/engineshed.lock`, 'utf8');
    const refused = async (change: (lock: Record<string, unknown>) => object) => {
      const other = userIn(temporaryDirectory());
      writeFileSync(`${other.work}/engineshed.lock`, JSON.stringify(change(JSON.parse(text)), null, 2));
      const result = await bootstrap(other, [...mirror(), '--lock', 'engineshed.lock']);
      expect(result).toMatchObject({ status: 65, stdout: '' });
      expect(readdirSync(`${other.store}/engines`)).toEqual([]);
      return result.stderr;
    };
    expect(await refused((lock) => ({ ...lock, id: '0123456789abcdef' }))).toContain('calls itself');
    const digest = /"diffId": "(sha256:\w+)"/.exec(text)?.[1] ?? '';
    const other = digest.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect(await refused((lock) => JSON.parse(JSON.stringify(lock).replaceAll(digest, other)))).toContain(
      'is not what',
    );
    expect(await refused((lock) => ({ ...lock, command: [] }))).toContain('does not know');
    expect(await refused((lock) => ({ ...lock, version: 2 }))).toContain('version 2');
    const environment = [{ name: 'LD_PRELOAD', kind: 'value', value: '/x' }];
    expect(await refused((lock) => ({ ...lock, environment }))).toContain('LD_PRELOAD');
  });

  it('does nothing where its transfer was cut off', async () => {
    const text = readFileSync(script);
    const home = temporaryDirectory();
    const cuts = [text.length - 2, text.length - 3, text.length - 7, text.length - 10, text.length - 30];
    for (let at = 1; at < text.length - 1; at += Math.floor(text.length / 12)) cuts.push(at);
    for (const shell of ['dash', 'bash', 'busybox'] as const) {
      for (const at of cuts) {
        const user = userIn(`${home}/${shell}-${at}`);
        const [program = '', ...args] = shells[shell];
        const input = text.subarray(0, at).toString('latin1');
        await run(program, [...args, '-s', '--', ...mirror(), 'train'], {
          environment: user.environment,
          input,
        });
        expect(existsSync(user.store)).toBe(false);
      }
    }
    const user = userIn(`${home}/whole`);
    const whole = await run('sh', ['-s', '--', ...mirror(), 'train'], {
      environment: user.environment,
      input: text.toString('latin1'),
    });
    expect(whole).toMatchObject({ status: 0 });
  });

  it('is at home in a directory of any name, whatever options its caller has set', async () => {
    const home = temporaryDirectory();
    for (const [shell, flags] of [
      ['dash', ['-C', '-f', '-e']],
      ['bash', ['-C', '-f', '-e']],
      ['busybox', []],
    ] as const) {
      const user = userIn(`${home}/${shell}/jürgen's "b\\c" $(x) *`);
      const [program = '', ...first] = shells[shell];
      const { environment } = user;
      const args = [...first, ...flags, script, ...mirror(), '8.4.0'];
      expect(await run(program, args, { environment })).toMatchObject({ status: 0 });
      expect(await user.output(['verify'])).toContain('Nothing is damaged');
      expect(await user.output(['current'])).toContain('8.4.0');
    }
  });

  it('has no store where nothing tells its place, nor one whose lines would be two', async () => {
    const user = userIn(temporaryDirectory());
    const { ENGINESHED_HOME: _, HOME: __, ...homeless } = user.environment;
    for (const [environment, what] of [
      [homeless, 'HOME'],
      [{ ...homeless, HOME: 'relative' }, 'HOME'],
      [{ ...user.environment, ENGINESHED_HOME: `${user.home}/a\nb` }, 'control characters'],
    ] as const)
      expect(await run('dash', [script, ...mirror(), 'train'], { environment })).toMatchObject({
        status: 64,
        stderr: expect.stringContaining(what),
      });
    expect(readdirSync(user.home)).toEqual(['work']);
  });

  it('says what it does not know', async () => {
    const user = userIn(temporaryDirectory());
    const ends = async (...args: string[]) => {
      const { status, stderr } = await bootstrap(user, args);
      return `${status} ${stderr.trim()}`;
    };
    expect(await ends('trian')).toMatch(/^66 .*no engine "trian".*train/s);
    expect(await ends('--nonsense')).toMatch(/^64 .*--nonsense/s);
    expect(await ends()).toMatch(/^64 Usage/);
    expect(await ends('tram-20260230')).toMatch(/^66 /);
    expect(await ends('oci:images/x')).toMatch(/^64 .*registry/);
    expect(await ends('UPPER/case')).toMatch(/^64 /);
    expect(await ends(`${registry.host}/hamlet-io/engine:missing`)).toMatch(/^66 .*missing/s);
    expect(await ends(`${registry.host}/nobody/nothing`)).toMatch(/^66 /s);
  });
});

describe.skipIf(lacks('curl', 'busybox'))('engineshed.sh with images of several layers', () => {
  it('A15 A16 puts layers together as the program does', async () => {
    const registry = await ScriptedRegistry.start();
    const layers = [
      archive(
        directory('a'),
        file('a/one', '1'),
        file('a/two', '2'),
        file('gone', 'x'),
        directory('opaque'),
        file('opaque/below', 'x'),
        directory('becomes-file'),
        file('becomes-file/x', 'x'),
        file('becomes-directory', 'x'),
        symlink('link', 'a/one'),
        file("it's $(odd) `name` & more", 'odd'),
        file('-dash', 'd'),
      ),
      archive(
        directory('a', { mode: 0o700 }),
        file('a/two', 'two'),
        hardlink('a/again', 'a/two'),
        file('.wh.gone', ''),
        directory('opaque'),
        file('opaque/.wh..wh..opq', ''),
        file('opaque/above', 'y'),
        file('becomes-file', 'now a file'),
        directory('becomes-directory'),
        file('becomes-directory/x', 'y'),
        pax({ path: `long/${'n'.repeat(120)}/${'ünï'.repeat(20)}` }),
        file('short', 'long name'),
      ),
      archive(file('run', '#!/bin/sh\n', { mode: 0o4755 }), directory('a/b/c', { mode: 0o2755 })),
    ];
    addImage(registry.contents, 'acme/layered', '1', layers);
    addImage(registry.contents, 'acme/empty', '1', []);
    const home = temporaryDirectory();
    const cli = userIn(`${home}/cli`);
    for (const tools of ['gnu', 'macos', 'busybox']) {
      const user = userIn(`${home}/${tools}`);
      for (const image of ['layered', 'empty']) {
        const reference = `${registry.host}/acme/${image}:1`;
        await cli.output(['install', reference, '--name', image]);
        const options = {
          shell: tools === 'busybox' ? ('busybox' as const) : ('dash' as const),
          path: existsSync(`${home}/tools-${tools}`) ? `${home}/tools-${tools}` : toolDirectory(home, tools),
        };
        const result = await bootstrap(user, ['--name', image, reference], options);
        expect(result).toMatchObject({ status: 0 });
        const tree = ({ store }: User) => treeOf(`${store}/engines/${image}/active/sources/${image}/.`);
        expect(tree(user)).toEqual(tree(cli));
      }
      expect(await user.json(['verify'])).toMatchObject({ faults: [] });
      // The same layer under another name.
      const again = await bootstrap(user, ['--name', 'again', `${registry.host}/acme/layered:1`]);
      expect(again).toMatchObject({ status: 0 });
      expect(again.stderr).not.toContain('Fetching');
    }
    // A tree that the program makes of layers that the script fetched, and the other way round.
    const mixed = userIn(`${home}/mixed`);
    await bootstrap(mixed, ['--name', 'layered', `${registry.host}/acme/layered:1`]);
    await run('sh', [
      '-c',
      'find "$1/trees" -type d -exec chmod u+w {} + && rm -rf "$1/trees/sha256"',
      'sh',
      mixed.store,
    ]);
    await mixed.output(['install', `${registry.host}/acme/layered:1`, '--name', 'layered']);
    expect(await mixed.json(['verify'])).toMatchObject({ faults: [] });
    await run('sh', [
      '-c',
      'find "$1/trees" -type d -exec chmod u+w {} + && rm -rf "$1/trees/sha256"',
      'sh',
      cli.store,
    ]);
    await bootstrap(cli, ['--name', 'layered', `${registry.host}/acme/layered:1`]);
    await bootstrap(cli, ['--name', 'empty', `${registry.host}/acme/empty:1`]);
    expect(await cli.json(['verify'])).toMatchObject({ faults: [] });
    await registry.close();
  });
});

describe.skipIf(lacks('curl', 'busybox'))('engineshed.sh with images for several platforms', () => {
  it('takes the one that fits, from an index and from a lock for all platforms', async () => {
    const registry = await ScriptedRegistry.start();
    const manifests = ['arm64', 'amd64', 'riscv64'].map((architecture) => {
      const platform = { os: 'linux', architecture };
      return {
        ...addImage(
          registry.contents,
          'acme/many',
          architecture,
          [archive(file('for', architecture))],
          platform,
        ),
        platform,
      };
    });
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    registry.contents.addManifest('acme/many', mediaType, Buffer.from(index), '1');
    const home = temporaryDirectory();
    const cli = userIn(`${home}/cli`);
    writeFileSync(
      `${cli.work}/engineshed.toml`,
      `engine = "many"\n[engines.many]\nsources.many = { image = "${registry.host}/acme/many:1" }\n`,
    );
    await cli.output(['install']);
    const user = userIn(`${home}/user`);
    const lock = `${cli.work}/engineshed.lock`;
    expect(await bootstrap(user, ['--lock', lock])).toMatchObject({ status: 0 });
    const id = (from: User) => readlinkSync(`${from.store}/engines/many/active`);
    expect(id(user)).toBe(id(cli));
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    const content = readFileSync(`${user.store}/current/sources/many/for`, 'utf8');
    expect(content).toBe(readFileSync(`${cli.store}/current/sources/many/for`, 'utf8'));
    const reference = `${registry.host}/acme/many:1`;
    expect(await bootstrap(user, ['--name', 'plain', reference])).toMatchObject({ status: 0 });
    await cli.output(['install', reference, '--name', 'plain']);
    const plain = (from: User) => readlinkSync(`${from.store}/engines/plain/active`);
    expect(plain(user)).toBe(plain(cli));
    await registry.close();
  });
});

async function makeHome(): Promise<string> {
  const { stdout } = await run('mktemp', ['-d']);
  return stdout.trim();
}
