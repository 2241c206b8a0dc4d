import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  basicAuthentication,
  bearerAuthentication,
  captivePortal,
  cutBody,
  failWith,
  lyingDigest,
  redirectBlobs,
  type ScriptedRegistry,
  startTokenService,
  wrongContent,
} from '../../src/testing/index.js';
import { type User, userIn } from '../acceptance/user.js';
import { addImage, bootstrap, lacks, toolDirectory } from '../support/bootstrap.js';
import { scripted } from '../support/registry-client.js';
import { archive, file } from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const password = 'correct-horse-battery';
const clients = { curl: 'gnu', wget: 'wget' } as const;

describe.skipIf(lacks('curl', 'wget', 'busybox', 'mawk')).each(Object.entries(clients))(
  'engineshed.sh with %s',
  (client, tools) => {
    it('C02 C03 shows a login to the registry, and to nobody else', async () => {
      const { registry, user, install } = await prepared(tools);
      const storage = await scripted({ contents: registry.contents });
      const tokens = await startTokenService({ users: { ada: password }, allows: (name) => name === 'ada' });
      onTestFinished(() => tokens.close());
      registry.script(redirectBlobs(storage.url));
      registry.script(bearerAuthentication(tokens));
      expect(await install()).toMatchObject({
        status: 77,
        stderr: expect.stringContaining('ENGINESHED_AUTH'),
      });
      tokens.requests.length = 0;
      const seen = spyOn(user, tools, client);
      const result = await install({ ...login(registry), PATH: seen.path });
      expect(result).toMatchObject({ status: 0 });
      expect(tokens.requests.map(({ user }) => user)).toEqual(['ada']);
      expect(storage.requests).not.toHaveLength(0);
      expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual(
        storage.requests.map(() => undefined),
      );
      expect(registry.requests.some(({ headers }) => headers.authorization?.startsWith('Basic'))).toBe(false);
      const token =
        registry.requests.find(({ headers }) => headers.authorization)?.headers.authorization ?? '';
      const told = seen.commands();
      expect(told).toContain(client === 'curl' ? '--globoff' : '--no-hsts');
      for (const secret of secretsOf(token)) {
        expect(told).not.toContain(secret);
        expect(result.stderr + everythingIn(user.store)).not.toContain(secret);
      }
    });

    it('C01 answers a basic challenge once, and only for the registry that the login is for', async () => {
      const { registry, user, install } = await prepared(tools);
      registry.script(basicAuthentication({ ada: password }));
      const other = { ...login(registry), ENGINESHED_AUTH_REGISTRY: `${registry.host}/other` };
      expect(await install(other)).toMatchObject({ status: 77 });
      expect(registry.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
      expect(await install({ ...login(registry), ENGINESHED_AUTH_PASSWORD: 'wrong' })).toMatchObject({
        status: 77,
      });
      expect(registry.requests.filter(({ headers }) => headers.authorization !== undefined)).toHaveLength(1);
      expect(await install(login(registry))).toMatchObject({ status: 0 });
      expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    });

    it('C02 asks a token service that does not belong to the registry for an anonymous token', async () => {
      const { registry, install } = await prepared(tools);
      const tokens = await startTokenService({ users: { ada: password } });
      onTestFinished(() => tokens.close());
      const realm = tokens.realm.replace('127.0.0.1', 'localhost');
      registry.script(bearerAuthentication({ ...tokens, realm }));
      expect(await install(login(registry))).toMatchObject({ status: 0 });
      expect(tokens.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    });

    it('C06 C07 goes on after refusals and broken connections', async () => {
      const { registry, user, install } = await prepared(tools);
      registry.script(
        failWith({ status: 429, retryAfter: '1', times: 1, which: ({ kind }) => kind === 'manifest' }),
      );
      registry.script(cutBody({ times: 1, after: 100 }));
      expect(await install()).toMatchObject({ status: 0 });
      expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    });

    it('C06 does not wait as long as a registry likes', async () => {
      const { registry, install } = await prepared(tools);
      registry.script(failWith({ status: 503, retryAfter: '7000' }));
      registry.script(failWith({ status: 503, retryAfter: '700' }));
      const { status, stderr } = await install();
      expect({ status, stderr }).toMatchObject({
        status: 69,
        stderr: expect.stringContaining('700 seconds'),
      });
    });

    it('B01 C11 C12 takes nothing that is not what its digest says', async () => {
      for (const fault of [wrongContent({ at: 3 }), lyingDigest(), captivePortal()]) {
        const { registry, user, install } = await prepared(tools);
        registry.script(fault);
        const { status } = await install();
        expect([65, 69]).toContain(status);
        expect(existsSync(`${user.store}/current`)).toBe(false);
        expect(readdirSync(`${user.store}/engines`)).toEqual([]);
        expect(
          readdirSync(`${user.store}/layers`).flatMap((kind) => readdirSync(`${user.store}/layers/${kind}`)),
        ).toEqual([]);
        expect(readdirSync(`${user.store}/staging`)).toEqual([]);
      }
    });

    it('keeps the engine that stands when the next one cannot be had', async () => {
      const { registry, user, install } = await prepared(tools);
      expect(await install()).toMatchObject({ status: 0 });
      const before = readlinkSync(`${user.store}/engines/one/active`);
      addImage(registry.contents, 'acme/engine', '1', [archive(file('two', '2'))]);
      registry.script(wrongContent());
      expect((await install()).status).toBe(65);
      expect(readlinkSync(`${user.store}/engines/one/active`)).toBe(before);
      expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    });
  },
);

describe.skipIf(lacks('busybox'))('engineshed.sh with the wget of busybox', () => {
  it('gives it no login, which it would show to others', async () => {
    const { registry, install } = await prepared('busybox');
    registry.script(basicAuthentication({ ada: password }));
    const { status, stderr } = await install(login(registry));
    expect({ status, stderr }).toMatchObject({ status: 69, stderr: expect.stringContaining('Install curl') });
    expect(registry.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });
});

async function prepared(tools: string) {
  const registry = await scripted();
  addImage(registry.contents, 'acme/engine', '1', [
    archive(file('one', 'x'.repeat(100_000)), file('a b', '1')),
  ]);
  const home = temporaryDirectory();
  const user = userIn(home);
  const path = toolDirectory(home, tools);
  const shell = tools === 'busybox' ? 'busybox' : 'dash';
  const install = (environment: Record<string, string> = {}) =>
    bootstrap(user, ['--name', 'one', `${registry.host}/acme/engine:1`], {
      shell,
      path: environment.PATH ?? path,
      environment,
    });
  return { registry, user, install };
}

function login({ host }: ScriptedRegistry): Record<string, string> {
  return {
    ENGINESHED_AUTH_REGISTRY: host,
    ENGINESHED_AUTH_USERNAME: 'ada',
    ENGINESHED_AUTH_PASSWORD: password,
  };
}

/** What of a login must not be seen: the password, the login as it is sent, the token. */
function secretsOf(token: string): string[] {
  expect(token).toMatch(/^Bearer ./);
  return [password, Buffer.from(`ada:${password}`).toString('base64'), token.slice('Bearer '.length)];
}

/** Puts a program in front of every tool, that writes down how it is started, and with what in its environment. */
function spyOn(user: User, tools: string, client: string) {
  const directory = `${user.home}/tools-${tools}`;
  const path = `${user.home}/spies`;
  const log = `${user.home}/commands`;
  writeFileSync(
    `${user.home}/make-spies`,
    `
mkdir ${path}
for tool in ${directory}/*; do
  name=\${tool##*/}
  printf '#!/bin/sh\\n{ printf "%%s " "$0" "$@"; echo; /usr/bin/env; } >>${log}\\nexec "%s" "$@"\\n' "$(readlink -f "$tool")" >${path}/$name
done
chmod 755 ${path}/*
`,
  );
  const made = spawnSync('sh', [`${user.home}/make-spies`]);
  expect(made.status).toBe(0);
  expect(existsSync(`${path}/${client}`)).toBe(true);
  return { path, commands: () => readFileSync(log, 'utf8') };
}

function everythingIn(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'latin1'))
    .join('\n');
}
