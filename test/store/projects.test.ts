import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLayout } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import {
  gc,
  missingMs,
  planGc,
  rememberProject,
  repair,
  type Store,
  uninstall,
  verify,
} from '../../src/store/index.js';
import { makeSample } from './sample.js';

const keep = { generations: 1 };

/** A store in which a project's lock names a state that no name of the store stands for any more. */
async function situation() {
  const { store, directory, install } = await makeSample();
  const { id } = (await install('demo', 'base')).engine;
  const active = (await install('demo', 'extra')).engine.id;
  const project = `${directory}/project`;
  mkdirSync(project);
  const lock = `${project}/engineshed.lock`;
  const write = (named: string) =>
    writeFileSync(lock, `{\n  "version": 1,\n  "engine": "demo",\n  "id": "${named}",\n  "sources": {}\n}\n`);
  write(id);
  rememberProject(store.paths, { lock, engine: 'demo', id }, store.paths.staging);
  const at = (ms: number): Store => ({ ...store, now: () => new Date(ms) });
  return {
    store,
    content: () => createLayout(`${directory}/images`, ownerOf(process.pid)),
    project,
    lock,
    id,
    active,
    write,
    at,
    record: store.paths.project(lock),
    stands: () => existsSync(`${store.paths.engineState('demo', id)}/engine.json`),
  };
}

describe('gc keeps what the lock of a project names', () => {
  it('and no longer when the lock names another', async () => {
    const { store, stands, write, active } = await situation();
    expect((await gc(store, keep)).collection.states).toEqual([]);
    expect(stands()).toBe(true);
    write(active);
    await gc(store, keep);
    expect(stands()).toBe(false);
  });

  it('E04 for 30 days when the project is deleted, or its disk is away', async () => {
    const { project, stands, at, id, record, lock } = await situation();
    rmSync(project, { recursive: true });
    const day = 24 * 60 * 60 * 1000;
    expect((await gc(at(50 * day), keep)).collection.projects).toEqual([]);
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({
      lock,
      id,
      missing: '1970-02-20T00:00:00.000Z',
    });
    await gc(at(50 * day + missingMs), keep);
    expect(stands()).toBe(true);
    expect((await gc(at(50 * day + missingMs + 1), keep)).collection.projects).toEqual([lock]);
    expect(stands()).toBe(false);
    expect(existsSync(record)).toBe(false);
  });

  it('begins to count anew when the disk was back meanwhile', async () => {
    const { project, stands, at } = await situation();
    renameSync(project, `${project}.away`);
    await gc(at(0), keep);
    renameSync(`${project}.away`, project);
    await gc(at(missingMs), keep);
    renameSync(project, `${project}.away`);
    await gc(at(missingMs + 2), keep);
    expect(stands()).toBe(true);
  });

  it.each([
    ['the marks of a merge', (lock: string) => writeFileSync(lock, '<<<<<<< HEAD\n{\n')],
    ['nothing', (lock: string) => writeFileSync(lock, '')],
    [
      'a directory in its place',
      (lock: string) => {
        rmSync(lock);
        mkdirSync(lock);
      },
    ],
    [
      'a link in its place',
      (lock: string) => {
        renameSync(lock, `${lock}.other`);
        const other = readFileSync(`${lock}.other`, 'utf8').replace(
          /"id": ".*"/,
          `"id": "${'0'.repeat(16)}"`,
        );
        writeFileSync(`${lock}.other`, other);
        symlinkSync(`${lock}.other`, lock);
      },
    ],
    [
      'a file where its directory was',
      (lock: string) => {
        rmSync(dirname(lock), { recursive: true });
        writeFileSync(dirname(lock), '');
      },
    ],
  ])('when the lock cannot be read: %s', async (_what, spoil) => {
    const { store, stands, lock } = await situation();
    spoil(lock);
    await gc(store, keep);
    expect(stands()).toBe(true);
  });

  it('and does not uninstall its engine for not being used', async () => {
    const { at } = await situation();
    const later = at(1000 * 24 * 60 * 60 * 1000);
    expect((await gc(later, { ...keep, unusedMs: 1 })).engines).toEqual([]);
  });

  it('and writes nothing where it only plans', async () => {
    const { project, at, record } = await situation();
    const before = readFileSync(record, 'utf8');
    rmSync(project, { recursive: true });
    expect(planGc(at(2 * missingMs), keep).collection.projects).toEqual([]);
    expect(readFileSync(record, 'utf8')).toBe(before);
  });

  it('E05 and removes nothing where it cannot know what a project needs', async () => {
    const { store, stands, record } = await situation();
    writeFileSync(record, '{"lock":');
    await expect(gc(store, keep)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(stands()).toBe(true);
  });
});

describe('verify looks at what the store remembers of projects', () => {
  const options = { mode: 'full', platform: process.platform } as const;

  it('E05 tells a record that nobody can read, or that stands in the place of another', async () => {
    const { store, record } = await situation();
    expect((await verify(store, options)).faults).toEqual([]);
    const text = readFileSync(record, 'utf8');
    const name = record.slice(store.paths.root.length + 1);
    const fault = { what: 'project', engines: [], fault: 'content' };
    writeFileSync(record, text.slice(0, -10));
    expect((await verify(store, options)).faults).toMatchObject([{ ...fault, path: name }]);
    writeFileSync(record, text.replace('engineshed.lock', 'engineshed.lick'));
    expect((await verify(store, options)).faults).toMatchObject([{ ...fault, path: name }]);
  });

  it('but not for one engine, and not whether the lock can be read', async () => {
    const { store, record, project } = await situation();
    rmSync(project, { recursive: true });
    expect((await verify(store, options)).faults).toEqual([]);
    writeFileSync(record, '');
    expect((await verify(store, { ...options, engine: 'demo' })).faults).toEqual([]);
  });

  it('and a repair leaves it, for what it needs is not known', async () => {
    const { store, record, content } = await situation();
    writeFileSync(record, '{}');
    const { problems, after } = await repair(store, { ...options, content });
    expect(problems).toMatchObject([{ engine: '', hint: expect.stringContaining('Remove that file') }]);
    expect(after.faults).toHaveLength(1);
    expect(readFileSync(record, 'utf8')).toBe('{}');
  });
});

describe('an uninstall', () => {
  it('E09 refuses an engine that the lock of a project names, and no longer when the lock names another', async () => {
    const { store, stands, write, lock } = await situation();
    await expect(uninstall(store, 'demo', 'refuse')).rejects.toMatchObject({
      code: 'ENGINE_NEEDED',
      message: expect.stringContaining(lock),
    });
    expect(stands()).toBe(true);
    // A state that is not there is needed by nobody here.
    write('0123456789abcdef');
    expect(await uninstall(store, 'demo', 'refuse')).toMatchObject({ projects: [] });
    expect(stands()).toBe(false);
  });

  it('E09 does not ask for a project that is gone, and tells those that it was made to leave', async () => {
    const { store, lock } = await situation();
    expect(await uninstall(store, 'demo', 'deactivate')).toMatchObject({ projects: [lock] });
    const other = await situation();
    rmSync(other.project, { recursive: true });
    expect(await uninstall(other.store, 'demo', 'refuse')).toMatchObject({ projects: [] });
  });
});
