import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { credentialSource, type HelperOf } from '../../src/credentials/index.js';
import { recorder } from '../support/registry-client.js';
import { temporaryDirectory } from '../support/temporary.js';

const basic = (login: string) => ({ auth: Buffer.from(login).toString('base64') });

describe('credential files', () => {
  it('are looked at in the order of Podman, and the first with a login counts', async () => {
    const { home, write } = place();
    const env = {
      XDG_RUNTIME_DIR: `${home}/run`,
      XDG_CONFIG_HOME: `${home}/cfg`,
      DOCKER_CONFIG: `${home}/dkr`,
    };
    const files = [
      `${home}/run/containers/auth.json`,
      `${home}/cfg/containers/auth.json`,
      `${home}/dkr/config.json`,
      `${home}/.dockercfg`,
    ];
    const source = () => credentialSource({ env, home });
    expect(source().places).toEqual(files);
    for (const [at, file] of [...files.entries()].reverse()) {
      const auths = { 'ghcr.io': basic(`user${at}:pw`) };
      write(file, file.endsWith('.dockercfg') ? auths : { auths });
      expect(await source().find('ghcr.io')).toMatchObject({ username: `user${at}`, origin: file });
    }
  });

  it("have defaults below the home directory, and Podman's place without a runtime directory", () => {
    expect(credentialSource({ env: {}, home: '/home/ada', uid: 1000 }).places).toEqual([
      '/run/containers/1000/auth.json',
      '/home/ada/.config/containers/auth.json',
      '/home/ada/.docker/config.json',
      '/home/ada/.dockercfg',
    ]);
  });

  it('REGISTRY_AUTH_FILE is the only one where it is set', async () => {
    const { home, write } = place();
    write(`${home}/.docker/config.json`, { auths: { 'ghcr.io': basic('other:pw') } });
    write(`${home}/own.json`, { auths: { 'quay.io': basic('me:pw') } });
    const source = credentialSource({ env: { REGISTRY_AUTH_FILE: `${home}/own.json` }, home });
    expect(await source.find('quay.io')).toMatchObject({ username: 'me' });
    expect(await source.find('ghcr.io')).toBeUndefined();
  });

  it('may say it by repository; the most specific key counts', async () => {
    const { source } = withConfig({
      auths: {
        'r.example.com': basic('host:pw'),
        'r.example.com/team': basic('team:pw'),
        'r.example.com/team/app': basic('app:pw'),
      },
    });
    const user = async (repository?: string) => (await source.find('r.example.com', repository))?.username;
    expect(await user('team/app')).toBe('app');
    expect(await user('team/app/sub')).toBe('app');
    expect(await user('team/application')).toBe('team');
    expect(await user('other')).toBe('host');
    expect(await user()).toBe('host');
  });

  it.each([
    'https://index.docker.io/v1/',
    'docker.io',
    'index.docker.io',
    'registry-1.docker.io',
    'https://docker.io',
  ])('know Docker Hub as %s', async (key) => {
    const { source } = withConfig({ auths: { [key]: basic('hub:pw') } });
    expect(await source.find('docker.io', 'library/alpine')).toMatchObject({ username: 'hub' });
  });

  it('C02 never give the login of one host to another', async () => {
    const { source } = withConfig({
      auths: { 'ghcr.io': basic('me:pw'), 'https://r.example.com:5000': basic('me:pw') },
    });
    for (const host of [
      'xghcr.io',
      'ghcr.io.evil.example',
      'cr.io',
      'r.example.com',
      'r.example.com:500',
      'io',
    ])
      expect(await source.find(host)).toBeUndefined();
    expect(await source.find('GHCR.io')).toBeDefined();
    expect(await source.find('r.example.com:5000')).toBeDefined();
  });

  it('hold logins in several forms', async () => {
    const { source } = withConfig({
      auths: {
        a: basic('user:pass:word'),
        b: { username: 'u', password: 'p' },
        c: { ...basic('u:'), identitytoken: 'id' },
        d: { registrytoken: 'bearer' },
        e: {},
        f: { auth: `${Buffer.from('u:p\0\0').toString('base64')}` },
      },
    });
    expect(await source.find('a')).toMatchObject({
      kind: 'password',
      username: 'user',
      password: 'pass:word',
    });
    expect(await source.find('b')).toMatchObject({ kind: 'password', username: 'u', password: 'p' });
    expect(await source.find('c')).toMatchObject({ kind: 'identityToken', username: 'u', token: 'id' });
    expect(await source.find('d')).toMatchObject({ kind: 'registryToken', token: 'bearer' });
    expect(await source.find('e')).toBeUndefined();
    expect(await source.find('f')).toMatchObject({ password: 'p' });
  });

  it.each([
    ['no JSON', '{"auths": {"ghcr.io": {"auth": "c2VjcmV0OnNlY3JldA=="'],
    ['a wrong type', '{"auths": ["c2VjcmV0OnNlY3JldA=="]}'],
    ['an auth that is no base64', '{"auths": {"ghcr.io": {"auth": "%%%c2VjcmV0OnNlY3JldA=="}}}'],
    ['an auth without a colon', '{"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}}'],
    ['an entry that is text', '{"auths": {"ghcr.io": "c2VjcmV0OnNlY3JldA=="}}'],
    ['the same key twice', '{"auths": {"c2VjcmV0": {}, "c2VjcmV0": {}}}'],
  ])('C16 with %s are named in the error, without their content', async (_what, text) => {
    const { home } = place();
    const file = `${home}/auth.json`;
    writeFileSync(file, text);
    const source = credentialSource({ env: { REGISTRY_AUTH_FILE: file }, home });
    const error = (await source.find('ghcr.io').catch((thrown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'CREDENTIALS_FAILED', message: expect.stringContaining(file) });
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(
      /c2VjcmV0|secret/,
    );
  });

  it('are read once, and only when a login is asked for', async () => {
    const { home, write } = place();
    const file = `${home}/.docker/config.json`;
    const source = credentialSource({ env: {}, home });
    write(file, { auths: { 'ghcr.io': basic('me:pw'), 'quay.io': basic('me:pw') } });
    expect(await source.find('ghcr.io')).toBeDefined();
    write(file, { auths: {} });
    expect(await source.find('quay.io')).toBeDefined();
  });
});

describe('credential helpers', () => {
  const asked = () => {
    const servers: string[] = [];
    const helper: HelperOf = (name) => ({
      get: async (server) => {
        servers.push(`${name} ${server}`);
        return name === 'empty' ? undefined : { username: name, secret: 's' };
      },
      list: async () => new Map(),
      store: async () => undefined,
      erase: async () => undefined,
    });
    return { servers, helper };
  };

  it('come in the order: for the registry, the entry in the file, for all', async () => {
    const { servers, helper } = asked();
    const { source } = withConfig(
      {
        auths: { 'in.file': basic('file:pw'), 'in.both': basic('file:pw') },
        credHelpers: { 'in.both': 'special', 'in.vain': 'empty' },
        credsStore: 'general',
      },
      helper,
    );
    expect(await source.find('in.file')).toMatchObject({ username: 'file' });
    expect(await source.find('in.both')).toMatchObject({ username: 'special' });
    expect(await source.find('in.none')).toMatchObject({ username: 'general' });
    expect(await source.find('in.vain')).toMatchObject({ username: 'general' });
    expect(await source.find('docker.io')).toMatchObject({ username: 'general' });
    await source.find('docker.io');
    expect(servers).toEqual([
      'special in.both',
      'general in.none',
      'empty in.vain',
      'general in.vain',
      'general https://index.docker.io/v1/',
    ]);
  });

  const run = (script: string, name = 'test') => {
    const { home } = place();
    const bin = `${home}/bin`;
    mkdirSync(bin);
    writeFileSync(`${bin}/docker-credential-test`, `#!/bin/sh\n${script}\n`);
    chmodSync(`${bin}/docker-credential-test`, 0o755);
    writeFileSync(`${home}/auth.json`, JSON.stringify({ credHelpers: { 'ghcr.io': name } }));
    const env = { PATH: `${bin}:/usr/bin:/bin`, REGISTRY_AUTH_FILE: `${home}/auth.json`, OUT: `${home}/out` };
    const { report, events } = recorder();
    const source = credentialSource({ env, home, report });
    return { source, found: source.find('ghcr.io'), events, out: `${home}/out` };
  };

  it('get the server by standard input and nothing on the command line', async () => {
    const { found, out } = run('{ echo "args=$*"; cat; } > "$OUT"; echo \'{"Username":"me","Secret":"pw"}\'');
    expect(await found).toMatchObject({ kind: 'password', username: 'me', password: 'pw' });
    expect(readFileSync(out, 'utf8')).toBe('args=get\nghcr.io');
  });

  it('may give an identity token, or nothing', async () => {
    const token = run('echo \'{"ServerURL":"x","Username":"<token>","Secret":"id"}\'');
    expect(await token.found).toMatchObject({ kind: 'identityToken', token: 'id' });
    const none = run('echo "credentials not found in native keychain"; exit 1');
    expect(await none.found).toBeUndefined();
  });

  it('are ended where they do not end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { found, source, out } = run('echo $$ > "$OUT"; exec sleep 300');
    while (!existsSync(out) || readFileSync(out, 'utf8') === '') await new Promise(setImmediate);
    vi.advanceTimersByTime(60_000);
    expect(await found).toBeUndefined();
    expect(source.fault?.('ghcr.io')?.message).toContain('60 s');
    const pid = Number(readFileSync(out, 'utf8'));
    const isRunning = () => existsSync(`/proc/${pid}/exe`);
    while (isRunning()) await new Promise(setImmediate);
  });

  it.each([
    ['fail', 'echo hunter2; exit 3', 'test'],
    ['answer nonsense', 'echo hunter2', 'test'],
    ['answer without end', 'yes hunter2', 'test'],
    ['are not there', '', 'missing'],
    ['have a path for a name', '', '../bin/test'],
    ['have an option for a name', '', '-x'],
  ])('C16 that %s are named, without what they said', async (_what, script, name) => {
    const { found, source, events } = run(script, name);
    expect(await found).toBeUndefined();
    const error = source.fault?.('ghcr.io');
    expect(error).toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringContaining(`"${name}"`),
    });
    expect(`${error?.message} ${String(error?.cause)}`).not.toContain('hunter2');
    expect(source.fault?.('quay.io')).toBeUndefined();
    await source.find('ghcr.io', 'other/repository');
    expect(events).toEqual([{ type: 'warning', message: error?.message }]);
  });
});

function place() {
  const home = temporaryDirectory();
  const write = (file: string, content: unknown) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(content));
  };
  return { home, write };
}

function withConfig(content: unknown, helper?: HelperOf) {
  const { home, write } = place();
  write(join(home, '.docker', 'config.json'), content);
  return { source: credentialSource({ env: {}, home, helper }) };
}
