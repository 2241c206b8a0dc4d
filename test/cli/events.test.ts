import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newUser } from '../acceptance/cli.js';

it('events are lines of JSON in the file that is named, from start to end, beside any output', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content\n');
  await user.output(['publish', 'component', 'oci:images:1']);
  const file = `${user.home}/events`;
  const environment = { ENGINESHED_EVENTS: file };
  const { name } = await user.json(['install', 'oci:images:1', '--name', 'mine'], { environment });
  expect(name).toBe('mine');
  const { status } = await user.engineshed(['install', 'oci:images:2'], { environment });
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const line of lines) {
    expect(line).toMatchObject({ command: 'install', pid: expect.any(Number), type: expect.any(String) });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  }
  const types = lines.map(({ type }) => type);
  expect(types.filter((type) => type === 'start')).toHaveLength(2);
  expect(types).toContain('resolved');
  expect(lines.filter(({ type }) => type === 'transferred').map(({ action }) => action)).toEqual(['fetched']);
  expect(lines.filter(({ type }) => type === 'end').map((line) => line.status)).toEqual([0, status]);
  expect(status).not.toBe(0);
});

it('lines of the log say of everything what was done with it', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content\n');
  const published = await user.engineshed(['publish', 'component', 'oci:images:1']);
  expect(published.stderr).toMatch(/component {2}packed {2}8 B\n$/);
  const copied = await user.engineshed(['copy', 'oci:images:1', 'oci:other:1']);
  expect(copied.stderr).toMatch(/ {2}sent {2}\d+ B\n/);
  const installed = await user.engineshed(['install', 'oci:images:1', '--name', 'mine']);
  expect(installed.stderr).toMatch(/ {2}fetched {2}\d+ B\n/);
  const listed = await user.engineshed(['ls', 'oci:images:1']);
  expect(listed.stderr).toMatch(/ {2}read {2}\d+ B\n/);
});

it('a file for events that cannot be written is told, and keeps nothing from being done', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  const environment = { ENGINESHED_EVENTS: `${user.home}/missing/events` };
  const { status, stderr } = await user.engineshed(['publish', 'component', 'oci:images:1'], { environment });
  expect([status, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: no events are written: .*missing\/events/m),
  ]);
});
