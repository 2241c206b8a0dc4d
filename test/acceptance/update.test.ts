import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failed, situation } from './project.js';

describe('update, outdated, diff', () => {
  it('tell what moves, move it, and tell nothing then', async () => {
    const { user, publish, file, definition, at, readLock, content } = await situation();
    const from = [
      '--annotation',
      'org.opencontainers.image.revision=aaaaaaaaaaaa',
      '--annotation',
      'org.opencontainers.image.source=https://github.com/acme/core.git',
    ];
    const to = [
      '--annotation',
      'org.opencontainers.image.revision=bbbbbbbbbbbb',
      '--annotation',
      'org.opencontainers.image.source=git@github.com:acme/core',
    ];
    await publish('core', 'two', ...from);
    await user.output(['install'], at);
    expect(await user.json(['outdated'], at)).toMatchObject({ outdated: false, engines: [{ changes: [] }] });
    await publish('core', 'three', ...to);
    await publish('plugin', 'three');
    const before = readLock();
    const late = await user.engineshed(['outdated', '--json'], at);
    expect(late.status).toBe(1);
    expect(JSON.parse(late.stdout)).toMatchObject({
      outdated: true,
      engines: [{ name: 'acme', changes: [{ source: 'core' }, { source: 'plugin' }] }],
    });
    const table = await user.engineshed(['outdated'], at);
    expect(table.stdout).toMatch(/acme +core +aaaaaaaaaa [0-9a-f]{12} +bbbbbbbbbb [0-9a-f]{12}/);

    const dry = await user.json(['update', '--dry-run'], at);
    expect(dry).toMatchObject({ dryRun: true, changes: [{}, {}], project: { written: false } });
    expect(readLock()).toEqual(before);
    const compare = 'https://github.com/acme/core/compare/aaaaaaaaaaaa...bbbbbbbbbbbb';
    const one = await user.json(['update', 'core'], at);
    expect(one.changes).toMatchObject([
      {
        source: 'core',
        change: 'changed',
        before: { revision: 'aaaaaaaaaaaa' },
        after: { revision: 'bbbbbbbbbbbb' },
        compare,
      },
    ]);
    expect(readLock().sources.plugin).toEqual(before.sources.plugin);
    expect([content('CORE'), content('PLUGIN')]).toEqual(['three', 'one']);
    expect(await failed(user, ['update', 'croe'], at.directory)).toMatchObject({
      code: 'SOURCE_UNKNOWN',
      hint: 'Did you mean "core"?',
    });

    const now = await user.json(['diff', '.', '--files'], at);
    expect(now.sources).toMatchObject([
      { source: 'core', change: 'same' },
      { source: 'plugin', change: 'changed' },
    ]);
    expect(now.files).toEqual([{ source: 'plugin', path: 'release', change: 'changed' }]);
    const all = await user.output(['update'], at);
    expect(all).toContain('engineshed.lock is written.');
    expect(content('PLUGIN')).toBe('three');
    expect(await user.output(['update'], at)).toContain('acme is up to date');
    expect(await user.output(['outdated'], at)).toBe('Everything is up to date.\n');

    // The states of before and after stand both, until the old one is collected.
    const states = await user.json(['diff', `acme@${before.id}`, `acme@${readLock().id}`, '--files'], at);
    expect(states.before).toEqual({ name: 'acme', id: before.id, installed: true });
    expect(states.files).toHaveLength(2);
    writeFileSync(file, `engine = "acme"\n${definition}MORE = "more"\n`);
    await user.output(['lock'], at);
    const lines = await user.output(['diff', `acme@${before.id}`, './engineshed.lock'], at);
    expect(lines).toContain('added variable MORE');
    expect(lines).toContain(`core: ${compare}`);
    expect(await user.output(['diff', 'acme', 'acme'], at)).toBe('They are the same.\n');
    expect(await failed(user, ['diff', 'nothing/here'], at.directory)).toMatchObject({
      code: 'PATH_NOT_FOUND',
    });
  });

  it('work on installed engines outside of projects', async () => {
    const { user, publish, file, definition, image, at } = await situation('');
    await user.output(['install', 'acme'], at);
    await user.output(['install', `${image('plugin')}:edge`, '--name', 'only'], at);
    await publish('plugin', 'two');
    const late = await user.engineshed(['outdated', '--json'], at);
    expect(late.status).toBe(1);
    expect(
      JSON.parse(late.stdout).engines.map((engine: { name: string; changes: object[] }) => [
        engine.name,
        engine.changes.length,
      ]),
    ).toEqual([
      ['acme', 1],
      ['only', 1],
    ]);
    expect((await user.engineshed(['outdated', 'only'], at)).status).toBe(1);
    expect(await user.json(['update', 'only'], at)).toMatchObject({
      name: 'only',
      changes: [{ change: 'changed' }],
      project: null,
    });
    expect(await user.json(['update'], at)).toMatchObject({ name: 'acme', changes: [{ source: 'plugin' }] });
    expect((await user.engineshed(['outdated'], at)).status).toBe(0);
    expect(await failed(user, ['update', 'acme', 'only'], at.directory)).toMatchObject({ code: 'USAGE' });
    expect(await failed(user, ['update', 'train'], at.directory)).toMatchObject({
      code: 'ENGINE_NOT_INSTALLED',
    });
    // What the registry has is compared with what stands, without installing it.
    writeFileSync(
      file,
      `${definition}[engines.other.sources]\nplugin = { image = "${image('plugin')}:edge" }\n`,
    );
    const compared = await user.json(['diff', 'other', 'acme', '--files'], at);
    expect(compared.sources).toMatchObject([
      { source: 'core', change: 'added' },
      { source: 'plugin', change: 'same' },
    ]);
    expect(compared.files).toEqual([{ source: 'core', path: 'release', change: 'added' }]);
  });
});
