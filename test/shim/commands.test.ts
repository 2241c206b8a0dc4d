import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lockId, parseLock } from '../../src/engine/index.js';
import { applyInstall, planInstall, verify } from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { temporaryDirectory } from '../support/temporary.js';
import { lockOf, makeStand } from './stand.js';

describe('the commands of an engine', () => {
  it('count in its id only where there are some', () => {
    const lock = lockOf('first', '', '/tools', []);
    const ids = [lock, lockOf('first', '', '/tools', ['a']), lockOf('first', '', '/tools', ['b'])].map(
      lockId,
    );
    expect(new Set(ids).size).toBe(3);
    // As it was before there were commands.
    expect(lockId(lock)).toBe('f29c3abf11f04fb2');
  });

  it.each([
    ['missing', 'bin/none', 'PATH_NOT_FOUND'],
    ['a directory', 'bin', 'PATH_NOT_FOUND'],
    ['outside', 'bin/out', 'LAYER_UNSAFE'],
    ['not executable', 'bin/text', 'PATH_NOT_FOUND'],
  ])('are refused where the file is %s', async (_, path, code) => {
    const home = temporaryDirectory();
    const stand = await makeStand(home);
    mkdirSync(`${home}/other/bin`, { recursive: true });
    symlinkSync('/bin/sh', `${home}/other/bin/out`);
    writeFileSync(`${home}/other/bin/text`, '');
    const lock = lockOf('third', '', `${home}/other`, []);
    const asked = { ...lock, commands: [{ name: 'ask', part: 'tools', path }] };
    await expect(stand.install(asked)).rejects.toMatchObject({ code });
    expect(existsSync(`${stand.store.paths.engineActive('third')}`)).toBe(false);
  });

  it('are those of the platform', async () => {
    const stand = await makeStand();
    const { store, home } = stand;
    const lock = lockOf('third', '', `${home}/tools`, []);
    const commands = [
      { name: 'here', part: 'tools', path: { linux: 'say', win32: 'say.bat' } },
      { name: 'there', part: 'tools', path: { win32: 'say.bat' } },
    ];
    const asked = { ...lock, commands };
    const { engine } = await applyInstall(store, planInstall(store, asked), {
      content: () => {
        throw new Error('nothing is fetched');
      },
      remembered: new Map(),
      admission: await admitted(asked),
      platform: 'linux',
    });
    expect(engine.commands).toEqual([
      { name: 'here', part: 'tools', path: 'say', file: `${home}/tools/say` },
    ]);
    expect(readdirSync(store.paths.shims).sort()).toEqual(['here', 'say']);
    expect((await verify(store, { mode: 'full', platform: 'linux' })).faults).toEqual([]);
    rmSync(`${store.paths.engineActive('third')}/bin/here`);
    writeFileSync(`${store.paths.engineActive('first')}/.commands`, 'engineshed_file=/bin/sh\n');
    const { faults } = await verify(store, { mode: 'full', platform: 'linux' });
    expect(faults.map(({ path, fault }) => [path.replace(/@?[0-9a-f]{16}/, 'ID'), fault]).sort()).toEqual([
      ['engines/first/ID/.commands', 'content'],
      ['engines/third/ID/bin/here', 'missing'],
    ]);
  });

  it.each(['sudo', 'SSH', 'git', 'engineshed', '-x', '..', 'a/b', 'a b', ''])(
    'D05 an engine from elsewhere may not have "%s"',
    (name) => {
      const { sources: _, ...lock } = lockOf('first', '', '/tools', [name]);
      const text = JSON.stringify({ ...lock, sources: {}, parts: [] });
      expect(() => parseLock(Buffer.from(text), 'file')).toThrow(/commands\.0\.name|has a command/);
    },
  );
});
