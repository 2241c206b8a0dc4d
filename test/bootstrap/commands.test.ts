import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mayCommandComeFromElsewhere } from '../../src/engine/names.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { run, type User, userIn } from '../acceptance/user.js';
import { addImage, bootstrap, lacks, toolDirectory } from '../support/bootstrap.js';
import { scripted } from '../support/registry-client.js';
import { archive, directory, file, symlink } from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const says = (text: string) => `#!/bin/sh\necho "${text} $*"\n`;

/** A user of the program with a project whose engine has commands, locked, and what the lock says. */
async function prepared(registry: ScriptedRegistry, home: string) {
  const content = (one: string) => [
    archive(directory('bin'), file('bin/one', says(one), { mode: 0o755 }), symlink('bin/two', '../lib/two')),
    archive(directory('lib'), file('lib/two', says('two'), { mode: 0o755 }), file('plain', 'no program')),
  ];
  addImage(registry.contents, 'acme/tools', '1', content('one'));
  const cli = userIn(`${home}/cli`);
  const write = (commands: string) =>
    writeFileSync(
      `${cli.work}/engineshed.toml`,
      `engine = "tools"
[engines.tools]
sources.tools = { image = "${registry.host}/acme/tools:1" }
parts.programs = { source = "tools", path = "bin" }
parts.all = { source = "tools", path = "." }
commands = { ${commands} }
`,
    );
  write(
    'one = { part = "programs", path = "one" }, two = { part = "programs", path = "two" }, elsewhere = { part = "all", path = { win32 = "one.exe" } }',
  );
  await cli.output(['install']);
  return { cli, lock: `${cli.work}/engineshed.lock`, write };
}

const id = ({ store }: User) => readlinkSync(`${store}/engines/tools/active`);
const call = (user: User, command: string, ...args: string[]) =>
  run(`${user.store}/shims/${command}`, args, { directory: user.home, environment: user.environment });

describe.skipIf(lacks('curl', 'busybox', 'bsdtar', 'original-awk'))(
  'engineshed.sh and engines with commands',
  () => {
    it.each(['gnu', 'macos', 'busybox'])(
      'makes the shims and links that the program makes, with the tools "%s"',
      async (tools) => {
        const registry = await scripted();
        const home = `${temporaryDirectory()}/it's a home`;
        mkdirSync(home);
        const { cli, lock } = await prepared(registry, home);
        const user = userIn(`${home}/user`);
        const options = {
          shell: tools === 'busybox' ? ('busybox' as const) : ('dash' as const),
          path: toolDirectory(home, tools),
        };
        const result = await bootstrap(user, ['--lock', lock], options);
        expect(result).toMatchObject({ status: 0 });
        expect(id(user)).toBe(id(cli));
        for (const path of ['.commands', 'env', 'bin/one', 'bin/two']) {
          const text = (store: string) => readFileSync(`${store}/engines/tools/active/${path}`, 'utf8');
          expect(text(user.store).replaceAll('/user/', '/cli/')).toBe(text(cli.store));
        }
        const record = (store: string) =>
          JSON.parse(
            readFileSync(`${store}/engines/tools/active/engine.json`, 'utf8').replaceAll('/user/', '/cli/'),
          ).commands;
        expect(record(user.store)).toEqual(record(cli.store));
        expect(readdirSync(`${user.store}/shims`)).toEqual(readdirSync(`${cli.store}/shims`));
        for (const name of ['one', 'two'])
          expect(readFileSync(`${user.store}/shims/${name}`, 'utf8').replaceAll('/user/', '/cli/')).toBe(
            readFileSync(`${cli.store}/shims/${name}`, 'utf8'),
          );
        expect(await call(user, 'one', 'a  b')).toMatchObject({ status: 0, stdout: 'one a  b\n' });
        expect(await call(user, 'two')).toMatchObject({ status: 0, stdout: 'two \n' });
        expect(await user.json(['verify'])).toMatchObject({ faults: [] });
        const doctor = await user.engineshed(['install', '--locked', '--json'], { directory: cli.work });
        expect(JSON.parse(doctor.stdout)).toMatchObject({ upToDate: true });
      },
    );

    it('refuses what is no command, what leads out, what others rely on, and what is in the way', async () => {
      const registry = await scripted();
      const home = temporaryDirectory();
      const { cli, lock, write } = await prepared(registry, home);
      const read = JSON.parse(readFileSync(lock, 'utf8'));
      const refused = async (commands: unknown) => {
        const user = userIn(`${home}/user`);
        writeFileSync(`${home}/other.lock`, JSON.stringify({ ...read, commands }));
        const { status, stderr } = await bootstrap(user, ['--lock', `${home}/other.lock`]);
        expect(status).not.toBe(0);
        return stderr;
      };
      const command = { name: 'one', part: 'programs', path: 'one' };
      expect(await refused([])).toContain('commands that are none');
      expect(await refused([command, { ...command, name: 'ONE' }])).toContain('two commands');
      expect(await refused([{ ...command, more: 1 }])).toContain('more than');
      for (const name of ['sudo', 'Git', 'engineshed', '../x', '-x', 'a b'])
        expect(await refused([{ ...command, name }])).toMatch(/others rely on|is no name/);
      for (const path of ['../one', '/bin/sh', 'a/../b', ''])
        expect(await refused([{ ...command, path }])).toContain('no relative path');
      // What the lock may say, and the image has not.
      for (const [path, text] of [
        ['bin/three', 'has no such file'],
        ['plain', 'is not executable'],
        ['bin', 'has no such file'],
      ] as const) {
        write(`one = { part = "all", path = "${path}" }`);
        await cli.output(['lock']);
        const { status, stderr } = await bootstrap(userIn(`${home}/user`), ['--lock', lock]);
        expect([path, status, stderr]).toEqual([path, 66, expect.stringContaining(text)]);
      }
      writeFileSync(lock, JSON.stringify(read));
      // Something of the user's own is not replaced.
      const user = userIn(`${home}/own`);
      mkdirSync(`${user.store}/shims`, { recursive: true });
      writeFileSync(`${user.store}/shims/one`, 'mine');
      writeFileSync(`${user.store}/store.json`, '{"version":1}');
      const { status, stderr } = await bootstrap(user, ['--lock', lock]);
      expect([status, stderr]).toEqual([73, expect.stringContaining('is no shim')]);
      expect(readFileSync(`${user.store}/shims/one`, 'utf8')).toBe('mine');
    });

    it('knows the same names that others rely on as the program', () => {
      const source = readFileSync(new URL('../../bootstrap/src/lock.awk', import.meta.url), 'utf8');
      const [, list = ''] = /TRUSTED = ((?:"[^"]*"[ \\\n]*)+)/.exec(source) ?? [];
      const words = [...list.matchAll(/"([^"]*)"/g)].flatMap(([, text = '']) => text.trim().split(' '));
      const program = readFileSync(new URL('../../src/engine/names.ts', import.meta.url), 'utf8');
      const [, own = ''] = /const trusted = new Set\(\s*`([^`]*)`/.exec(program) ?? [];
      expect(words).toEqual(own.split(/\s+/));
      expect(words.filter(mayCommandComeFromElsewhere)).toEqual([]);
      expect(words.length).toBeGreaterThan(100);
    });
  },
);
