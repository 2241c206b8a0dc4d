import { expect, it } from 'vitest';
import { newUser, program, type Run, run, type User } from '../acceptance/cli.js';
import { addImage, lacks, script, shells } from '../support/bootstrap.js';
import { scripted } from '../support/registry-client.js';
import { archive, file } from '../support/tar-archive.js';
import { readTree } from '../support/tree.js';

const closings = {
  input: '<&-',
  output: '>&-',
  errors: '2>&-',
  'input and errors': '<&- 2>&-',
  everything: '<&- >&- 2>&-',
};

/** Runs a program with some of its standard streams closed. */
function closed(user: User, closing: string, command: readonly string[]): Promise<Run> {
  return run('sh', ['-c', `exec "$@" ${closing}`, 'sh', ...command], {
    directory: user.work,
    environment: user.environment,
  });
}

/** Takes the store of a user away; returns what was in it, but for when something happened. */
async function taken({ store }: User): Promise<Record<string, string>> {
  const entries = Object.entries(readTree(store)).filter(
    ([path]) => !/^history\/|\/engine\.json$/.test(path),
  );
  await run('sh', ['-c', 'chmod -R u+rwX "$0" && rm -r "$0"', store]);
  return Object.fromEntries(entries);
}

async function publishedImage(): Promise<string> {
  const registry = await scripted();
  addImage(registry.contents, 'acme/engine', '1', [archive(file('a', 'a')), archive(file('b', 'b'))]);
  return `${registry.host}/acme/engine:1`;
}

it.skipIf(lacks('curl', 'busybox', 'zsh', 'mksh'))(
  'streams that the caller of engineshed.sh closed are no file of the store, in any shell',
  async () => {
    const user = newUser();
    const image = await publishedImage();
    expect(await closed(user, '', [...shells.dash, script, image])).toMatchObject({ status: 0 });
    const usual = await taken(user);
    const { everything } = closings;
    for (const [shell, start] of Object.entries(shells)) {
      for (const closing of shell === 'dash' ? Object.values(closings) : [everything]) {
        const about = `${shell} ${closing}`;
        expect(await closed(user, closing, [...start, script, image]), about).toMatchObject({ status: 0 });
        expect(await taken(user), about).toEqual(usual);
        expect((await closed(user, closing, [...start, script, '--no-such'])).status).toBe(64);
      }
    }
  },
);

it('streams that the caller of the program closed are no file of the store', async () => {
  const user = newUser();
  const engineshed = [process.execPath, program];
  const image = await publishedImage();
  const install = [...engineshed, 'install', image, '--name', 'engine'];
  expect(await closed(user, '', install)).toMatchObject({ status: 0 });
  const usual = await taken(user);
  for (const closing of Object.values(closings)) {
    expect(await closed(user, closing, install), closing).toMatchObject({ status: 0 });
    expect(await taken(user), closing).toEqual(usual);
    expect((await closed(user, closing, [...engineshed, 'use', 'no-such'])).status).toBe(66);
  }
});
