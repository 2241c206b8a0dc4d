import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { newUser, program, run, type User } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';

const terminal = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
const notice = 'has moved since installed here';

/** A user with an installed channel, which has moved since. */
async function prepare(): Promise<User> {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'one\n');
  writeFileSync(
    `${user.work}/engineshed.toml`,
    '[engines.edge]\nkind = "channel"\nsources.component = { layout = "images:edge" }\n',
  );
  await user.output(['publish', 'component', 'oci:images:edge']);
  await user.output(['install', 'edge']);
  writeFileSync(`${user.work}/component/file`, 'two\n');
  await user.output(['publish', 'component', 'oci:images:edge']);
  return user;
}

/** What a person sees of a command on a terminal. */
async function shown(
  user: User,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<string> {
  const { CI: _, ...own } = user.environment;
  const command = `"${process.execPath}" "${program}" ${args.join(' ')}; echo "status-$?"`;
  const result = await run('python3', [terminal, 'sh', '-c', command], {
    directory: user.work,
    environment: { ...own, TERM: 'xterm', ...environment },
    input: JSON.stringify([['', 'status-']]),
  });
  expect(result.status, result.stdout + result.stderr).toBe(0);
  return result.stdout;
}

/** What is remembered, by its key. */
function remembered(user: User): Map<string, unknown> {
  const directory = `${user.store}/cache`;
  let names: string[] = [];
  try {
    names = readdirSync(directory).filter((name) => !name.includes('.'));
  } catch {
    // Nothing is remembered yet.
  }
  return new Map(
    names
      .map((name) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8')))
      .map(({ key, value }) => [key, value]),
  );
}

async function lookedInTheBackground(user: User): Promise<void> {
  while (!remembered(user).has('channels')) await setTimeout(50);
}

describe.skipIf(peersMissing('python3'))('a channel that has moved', () => {
  it('is told on a terminal, once a day, by the command after the one that let somebody look', async () => {
    const user = await prepare();
    expect(await shown(user, ['show', 'edge'])).not.toContain(notice);
    await lookedInTheBackground(user);
    expect(await shown(user, ['exec', 'edge', '--', 'true'])).not.toContain(notice);
    expect(await shown(user, ['show', 'edge'])).toContain(`edge ${notice}`);
    expect(await shown(user, ['show', 'edge'])).not.toContain(notice);
  }, 60_000);

  it('is not told of one that is up to date again', async () => {
    const user = await prepare();
    await shown(user, ['show', 'edge']);
    await lookedInTheBackground(user);
    await user.output(['install', 'edge']);
    expect(await shown(user, ['show', 'edge'])).not.toContain(notice);
  }, 60_000);

  it.each([{ CI: 'true' }, { ENGINESHED_NOTICE: '0' }, { ENGINESHED_OFFLINE: '1' }])(
    'is not looked for with %j',
    async (environment) => {
      const user = await prepare();
      await shown(user, ['show', 'edge'], environment);
      expect(remembered(user).size).toBe(0);
    },
  );

  it('is not looked for without a terminal, nor with --json', async () => {
    const user = await prepare();
    const { CI: _, ...environment } = user.environment;
    await run(process.execPath, [program, 'show', 'edge'], { directory: user.work, environment });
    await shown(user, ['show', 'edge', '--json']);
    expect(remembered(user).size).toBe(0);
  });
});
