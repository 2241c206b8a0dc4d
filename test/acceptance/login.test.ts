import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { peersMissing } from '../support/peers.js';
import { newUser, program, run } from './cli.js';

const password = 'correct-horse-battery';

/** Runs a program on a terminal of its own, types an answer at each prompt, and prints all that the terminal shows. */
const onTerminal = `
import os, pty, sys
prompts = [part.encode() for part in sys.argv[1].split('|')]
answers = [part.encode().decode('unicode_escape').encode() for part in sys.argv[2].split('|')]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
shown, searched = b'', 0
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    while prompts and prompts[0] in shown[searched:]:
        searched = shown.index(prompts.pop(0), searched) + 1
        os.write(terminal, answers.pop(0))
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
`;

describe('engineshed login', () => {
  it.skipIf(peersMissing('python3'))('asks on a terminal, and shows nothing of the password', async () => {
    const { user, registry, file } = await place();
    const result = await typing(
      user.environment,
      'User name|Password',
      `ada\\r|${password}x\\x7f\\r`,
      registry.host,
    );
    expect([result.status, result.stdout]).toEqual([
      0,
      expect.stringContaining(`Logged in to ${registry.host} as ada`),
    ]);
    expect(result.stdout).toContain('ada');
    expect(result.stdout).not.toMatch(/corr|horse|\*/);
    const { auths } = JSON.parse(readFileSync(file, 'utf8'));
    expect(Buffer.from(auths[registry.host].auth, 'base64').toString()).toBe(`ada:${password}`);
  });

  it.skipIf(peersMissing('python3')).each([
    ['Ctrl-C', '\\x03'],
    ['Ctrl-D', '\\x04'],
  ])('is given up by %s', async (_key, typed) => {
    const { user, registry } = await place();
    const result = await typing(user.environment, 'User name|Password', `ada\\r|${typed}`, registry.host);
    expect(result.status).toBe(130);
    expect(registry.requests).toEqual([]);
  });

  it.each([
    ['without a terminal', ['HOST'], /--password-stdin/],
    ['without a terminal, with a user', ['HOST', '--username', 'ada'], /--username ada --password-stdin/],
    ['without a user', ['HOST', '--password-stdin'], /--username/],
    ['with a colon in the user name', ['HOST', '--username', 'a:b', '--password-stdin'], /user name/],
    ['with a scheme', ['https://HOST', '--username', 'a', '--password-stdin'], /scheme/],
    ['with a tag', ['HOST/a:1', '--username', 'a', '--password-stdin'], /a:1/],
    ['with a password as argument', ['HOST', '--password=correct-horse-battery'], /--password/],
    ['without a registry', ['--username', 'ada'], /REGISTRY/],
  ])('C16 %s is wrong usage, and sends nothing', async (_what, args, message) => {
    const { user, registry } = await place();
    const result = await user.engineshed(
      ['login', ...args.map((arg) => arg.replace('HOST', registry.host))],
      {
        input: password,
      },
    );
    expect([result.status, result.stderr]).toEqual([64, expect.stringMatching(message)]);
    expect(result.stderr).not.toContain('horse');
    expect(registry.requests).toEqual([]);
  });

  it.each([
    ['is empty', '\n'],
    ['has two lines', 'correct\nhorse\n'],
    ['is not a password but a file', 'horse'.repeat(20_000)],
  ])('C16 a password that %s is refused', async (_what, input) => {
    const { user, registry } = await place();
    const args = ['login', registry.host, '--username', 'ada', '--password-stdin'];
    const result = await user.engineshed(args, { input });
    expect([result.status, result.stdout]).toEqual([64, '']);
    expect(result.stderr).not.toContain('horse');
    expect(registry.requests).toEqual([]);
  });

  it('of several processes at once are all kept', async () => {
    const { user, registry, file } = await place();
    const paths = Array.from({ length: 6 }, (_, at) => `${registry.host}/team-${at}`);
    const done = await Promise.all(
      paths.map((path) =>
        user.engineshed(['login', path, '--username', 'ada', '--password-stdin'], {
          input: `${password}\r\n`,
        }),
      ),
    );
    expect(done.map(({ status }) => status)).toEqual(paths.map(() => 0));
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).auths).sort()).toEqual(paths);
    const { logins } = await user.json(['login']);
    expect(logins.map((login: { registry: string }) => login.registry).sort()).toEqual(paths);
  });

  it('says that another login comes first, and logout what still counts', async () => {
    const { user, registry } = await place();
    const environment = {
      ENGINESHED_AUTH_REGISTRY: registry.host,
      ENGINESHED_AUTH_USERNAME: 'ci',
      ENGINESHED_AUTH_PASSWORD: 'other-password',
    };
    const args = ['login', registry.host, '--username', 'ada', '--password-stdin'];
    const done = await user.engineshed(args, { input: password, environment });
    expect([done.status, done.stderr]).toEqual([0, expect.stringMatching(/comes first: .*ENGINESHED_AUTH/)]);
    const out = await user.engineshed(['logout', registry.host], { environment });
    expect([out.status, out.stderr]).toEqual([0, expect.stringMatching(/ENGINESHED_AUTH.* still counts/)]);
    expect(await user.output(['logout', registry.host])).toBe(`There is no login for ${registry.host}\n`);
  });

  it('warns once of a helper that is missing, and goes on for what is for everybody', async () => {
    const { user, registry, file } = await place();
    writeFileSync(file, JSON.stringify({ credsStore: 'missing' }));
    registry.script(({ path, headers }, response) => {
      if (path === '/token') {
        response.writeHead(200).end('{"token":"for-everybody"}');
        return 'handled';
      }
      if (headers.authorization === 'Bearer for-everybody') {
        refuse(response, path.includes('/private/') ? 403 : 404, 'UNKNOWN', 'no such thing');
        return 'handled';
      }
      response.setHeader('www-authenticate', `Bearer realm="${registry.url}/token"`);
      refuse(response, 401, 'UNAUTHORIZED', 'who?');
      return 'handled';
    });
    const missing = await user.engineshed(['install', `${registry.host}/acme/public:1`]);
    expect(missing.status).toBe(66);
    expect(missing.stderr.match(/warning: .*"missing"/g)).toHaveLength(1);
    const denied = await user.engineshed(['install', `${registry.host}/private/image:1`]);
    expect([denied.status, denied.stderr]).toEqual([
      77,
      expect.stringMatching(/Install docker-credential-missing/),
    ]);
  });
});

/** A registry that knows ada, and a user whose logins are in one file. */
async function place() {
  const made = newUser();
  const file = `${made.home}/auth.json`;
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const basic = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;
  registry.script(({ headers }, response) => {
    if (headers.authorization === basic) return undefined;
    response.setHeader('www-authenticate', 'Basic realm="x"');
    refuse(response, 401, 'UNAUTHORIZED', 'who?');
    return 'handled';
  });
  const environment = { ...made.environment, REGISTRY_AUTH_FILE: file };
  const withFile = (options: { environment?: object } = {}) => ({
    ...options,
    environment: { ...environment, ...options.environment },
  });
  const user = {
    environment,
    engineshed: (args: string[], options = {}) => made.engineshed(args, withFile(options)),
    output: (args: string[]) => made.output(args, withFile()),
    json: (args: string[]) => made.json(args, withFile()),
  };
  return { user, registry, file };
}

function typing(environment: Record<string, string>, prompts: string, answers: string, registry: string) {
  const args = ['-c', onTerminal, prompts, answers, process.execPath, program, 'login', registry];
  return run('python3', args, { environment });
}
