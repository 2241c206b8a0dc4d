import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  credentialSource,
  type LoginScope,
  listLogins,
  removeLogin,
  type StorableLogin,
  storeLogin,
} from '../../src/credentials/index.js';
import { ownerOf } from '../../src/files/index.js';
import { recordingHelper } from '../support/credential-helper.js';
import { recorder } from '../support/registry-client.js';
import { temporaryDirectory } from '../support/temporary.js';

const ada: StorableLogin = { kind: 'password', username: 'ada', password: 'pass:word' };
const ghcr: LoginScope = { registry: 'ghcr.io', path: '' };
const team: LoginScope = { registry: 'ghcr.io', path: 'team' };
const entry = (login: string) => ({ auth: Buffer.from(login).toString('base64') });

describe('a login is stored', () => {
  it("in Podman's lasting file where there is none yet, readable by nobody else", async () => {
    const { options, podman, read } = place();
    expect(await storeLogin(options, ghcr, ada)).toEqual({ path: podman });
    expect(read(podman)).toEqual({ auths: { 'ghcr.io': entry('ada:pass:word') } });
    expect(statSync(podman).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(podman)).mode & 0o777).toBe(0o700);
    expect(await credentialSource(options).find('ghcr.io', 'any/repository')).toMatchObject({
      username: 'ada',
    });
    expect(readdirSync(dirname(podman))).toEqual(['auth.json']);
  });

  it("in Docker's file where Docker is used", async () => {
    const { options, docker, write, read } = place();
    write(docker, { detachKeys: 'ctrl-e,e' });
    expect(await storeLogin(options, ghcr, ada)).toEqual({ path: docker });
    expect(read(docker)).toEqual({ detachKeys: 'ctrl-e,e', auths: { 'ghcr.io': entry('ada:pass:word') } });
  });

  it('where an older one would be found before it', async () => {
    const { options, session, podman, docker, write, read } = place();
    for (const file of [docker, podman, session]) {
      write(file, { auths: { 'ghcr.io': entry('old:old') } });
      expect(await storeLogin(options, ghcr, ada)).toEqual({ path: file });
      expect(read(file).auths['ghcr.io']).toEqual(entry('ada:pass:word'));
      expect(await credentialSource(options).find('ghcr.io')).toMatchObject({ username: 'ada' });
    }
  });

  it('in the file that REGISTRY_AUTH_FILE names, wherever else one is', async () => {
    const { options, home, docker, write, read } = place();
    write(docker, { auths: { 'ghcr.io': entry('old:old') } });
    const env = { ...options.env, REGISTRY_AUTH_FILE: `${home}/deep/own.json` };
    expect(await storeLogin({ ...options, env }, ghcr, ada)).toEqual({ path: `${home}/deep/own.json` });
    expect(read(`${home}/deep/own.json`).auths).toHaveProperty(['ghcr.io']);
    expect(read(docker).auths['ghcr.io']).toEqual(entry('old:old'));
  });

  it("for a path in Podman's files, which Docker does not know, beside that for the registry", async () => {
    const { options, docker, podman, write, read } = place();
    write(docker, { auths: { 'ghcr.io': entry('all:all') } });
    expect(await storeLogin(options, team, ada)).toEqual({ path: podman });
    expect(read(podman).auths).toEqual({ 'ghcr.io/team': entry('ada:pass:word') });
    const source = credentialSource(options);
    expect(await source.find('ghcr.io', 'team/app')).toMatchObject({ username: 'ada' });
    expect(await source.find('ghcr.io', 'teams/app')).toMatchObject({ username: 'all' });
  });

  it('with an identity token as Docker writes it', async () => {
    const { options, podman, read } = place();
    await storeLogin(options, ghcr, { kind: 'identityToken', username: 'ada', token: 'id' });
    expect(read(podman).auths['ghcr.io']).toEqual({ ...entry('ada:'), identitytoken: 'id' });
    expect(await credentialSource(options).find('ghcr.io')).toMatchObject({
      kind: 'identityToken',
      token: 'id',
    });
    await storeLogin(options, ghcr, ada);
    expect(read(podman).auths['ghcr.io']).toEqual(entry('ada:pass:word'));
  });

  it('in place of other spellings of the registry, and everything else stays', async () => {
    const { options, docker, write, read } = place();
    const rest = {
      auths: { 'quay.io': { ...entry('q:q'), email: 'q@example.com' } },
      HttpHeaders: { a: 'b' },
    };
    write(docker, {
      ...rest,
      auths: { ...rest.auths, 'docker.io': entry('old:old'), 'https://index.docker.io/v1/': { email: 'e' } },
    });
    await storeLogin(options, { registry: 'docker.io', path: '' }, ada);
    expect(read(docker)).toEqual({
      ...rest,
      auths: { ...rest.auths, 'https://index.docker.io/v1/': entry('ada:pass:word') },
    });
  });

  it('through a symbolic link, which stays one, also where its target is not there yet', async () => {
    const { options, home, docker, write, read } = place();
    mkdirSync(dirname(docker));
    symlinkSync('../dotfiles/docker.json', docker);
    mkdirSync(`${home}/dotfiles`);
    const env = { ...options.env, REGISTRY_AUTH_FILE: docker };
    await storeLogin({ ...options, env }, ghcr, ada);
    await storeLogin({ ...options, env }, { registry: 'quay.io', path: '' }, ada);
    expect(readlinkSync(docker)).toBe('../dotfiles/docker.json');
    expect(Object.keys(read(`${home}/dotfiles/docker.json`).auths)).toEqual(['ghcr.io', 'quay.io']);
    write(`${home}/loop`, {});
    symlinkSync('b', `${home}/a`);
    symlinkSync('a', `${home}/b`);
    const loop = { ...options, env: { REGISTRY_AUTH_FILE: `${home}/a` } };
    await expect(storeLogin(loop, ghcr, ada)).rejects.toBeDefined();
  });

  it('beside others that are stored at the same time', async () => {
    const { options, podman, read } = place();
    const registries = Array.from({ length: 12 }, (_, at) => `r${at}.example.com`);
    await Promise.all(registries.map((registry) => storeLogin(options, { registry, path: '' }, ada)));
    expect(Object.keys(read(podman).auths).sort()).toEqual([...registries].sort());
    expect(readdirSync(dirname(podman))).toEqual(['auth.json']);
  });

  it('and what a killed process left unfinished is removed, as there are logins in it', async () => {
    const { options, podman, write } = place();
    const left = `${podman}.engineshed-new-1-1-000000000000-000000000000`;
    write(left, { auths: { 'ghcr.io': entry('old:old') } });
    await storeLogin(options, ghcr, ada);
    expect(existsSync(left)).toBe(false);
  });

  it.each([
    ['no JSON', '{"auths":'],
    ['another shape', '{"auths": []}'],
  ])('C16 not into a file with %s, which stays as it is', async (_what, text) => {
    const { options, docker } = place();
    mkdirSync(dirname(docker));
    writeFileSync(docker, text);
    await expect(storeLogin(options, ghcr, ada)).rejects.toMatchObject({ code: 'CREDENTIALS_FAILED' });
    expect(readFileSync(docker, 'utf8')).toBe(text);
  });

  it('not into what is no file', async () => {
    const { options, docker } = place();
    mkdirSync(docker, { recursive: true });
    const env = { ...options.env, REGISTRY_AUTH_FILE: docker };
    await expect(storeLogin({ ...options, env }, ghcr, ada)).rejects.toMatchObject({
      code: expect.stringMatching(/FILE_IN_THE_WAY|CREDENTIALS_FAILED/),
    });
    expect(lstatSync(docker).isDirectory()).toBe(true);
  });
});

describe('a login is removed', () => {
  it('from every file, in every spelling, and no other one', async () => {
    const { options, session, podman, docker, write, read } = place();
    write(session, { auths: { 'ghcr.io': entry('a:a'), 'ghcr.io/team': entry('t:t') } });
    write(podman, { auths: { 'https://ghcr.io/v2/': entry('b:b'), 'xghcr.io': entry('x:x') } });
    write(docker, { auths: { 'ghcr.io': {} }, x: 1 });
    expect(await removeLogin(options, ghcr)).toEqual([{ path: session }, { path: podman }]);
    expect(read(session).auths).toEqual({ 'ghcr.io/team': entry('t:t') });
    expect(read(podman).auths).toEqual({ 'xghcr.io': entry('x:x') });
    expect(read(docker)).toEqual({ auths: {}, x: 1 });
    expect(await removeLogin(options, ghcr)).toEqual([]);
    expect(await removeLogin(options, team)).toEqual([{ path: session }]);
  });

  it('also where its entry is malformed', async () => {
    const { options, docker, write } = place();
    write(docker, { auths: { 'ghcr.io': { auth: '%%%' } } });
    expect(await removeLogin(options, ghcr)).toEqual([{ path: docker }]);
  });
});

describe('a credential helper', () => {
  it.each([
    ['for the registry', { credHelpers: { 'ghcr.io': 'test' } }],
    ['for all', { credsStore: 'test' }],
  ])(
    'named %s keeps the login, the file none; it is called with nothing on its command line',
    async (_what, config) => {
      const { options, helper, docker, write, read } = place();
      write(docker, { ...config, auths: { 'ghcr.io': entry('old:old'), 'quay.io': entry('q:q') } });
      expect(await storeLogin(options, ghcr, ada)).toEqual({ path: docker, helper: 'test' });
      expect(read(docker)).toEqual({ ...config, auths: { 'quay.io': entry('q:q') } });
      expect(await credentialSource(options).find('ghcr.io')).toMatchObject({
        username: 'ada',
        password: 'pass:word',
      });
      expect(await listLogins(options)).toEqual([
        fromEnvironment,
        { registry: 'ghcr.io', username: 'ada', origin: expect.stringContaining('helper "test"') },
        { registry: 'quay.io', username: 'q', origin: docker },
      ]);
      expect(await removeLogin(options, ghcr)).toEqual([{ path: docker, helper: 'test' }]);
      expect(await credentialSource(options).find('ghcr.io')).toBeUndefined();

      const calls = helper.calls();
      expect(calls.map(({ commandLine }) => commandLine.replace(/^.*docker-credential-test /, ''))).toEqual(
        expect.arrayContaining(['store', 'get', 'list', 'erase']),
      );
      const stored = calls.find(({ commandLine }) => commandLine.endsWith(' store'));
      expect(JSON.parse(stored?.input ?? '')).toEqual({
        ServerURL: 'ghcr.io',
        Username: 'ada',
        Secret: 'pass:word',
      });
      for (const { commandLine, environment } of calls) {
        expect(commandLine).not.toMatch(/pass|ada|ghcr/);
        expect(environment).toContain('KEPT=yes');
        expect(environment).not.toMatch(/AUTH|s3cr3t|elsewhere/);
      }
    },
  );

  it('knows Docker Hub by its address of old, and an identity token by the user <token>', async () => {
    const { options, helper, docker, write } = place();
    write(docker, { credsStore: 'test' });
    const hub = { registry: 'docker.io', path: '' };
    await storeLogin(options, hub, { kind: 'identityToken', username: 'ada', token: 'id' });
    const stored = helper.calls().find(({ commandLine }) => commandLine.endsWith(' store'));
    expect(JSON.parse(stored?.input ?? '')).toEqual({
      ServerURL: 'https://index.docker.io/v1/',
      Username: '<token>',
      Secret: 'id',
    });
    expect(await credentialSource(options).find('docker.io')).toMatchObject({
      kind: 'identityToken',
      token: 'id',
    });
    expect(await listLogins(options)).toEqual([
      fromEnvironment,
      { registry: 'docker.io', username: undefined, origin: expect.any(String) },
    ]);
    expect(await removeLogin(options, hub)).toHaveLength(1);
  });

  it('has whole registries only', async () => {
    const { options, podman, write, read } = place();
    write(podman, { credHelpers: { 'ghcr.io': 'test' } });
    await expect(storeLogin(options, team, ada)).rejects.toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringContaining('"test"'),
    });
    expect(read(podman)).toEqual({ credHelpers: { 'ghcr.io': 'test' } });
  });

  it.each([
    ['is missing', undefined],
    ['fails', 'cat > /dev/null; echo hunter2; exit 1'],
    ['says that it has none', 'echo "credentials not found in native keychain"; exit 1'],
  ])('C16 that %s stores nothing, and neither does the file', async (_what, script) => {
    const { options, helper, docker, write, read } = place();
    write(docker, { credsStore: 'bad' });
    if (script !== undefined) {
      writeFileSync(`${helper.bin}/docker-credential-bad`, `#!/bin/sh\n${script}\n`);
      chmodSync(`${helper.bin}/docker-credential-bad`, 0o755);
    }
    const error = await storeLogin(options, ghcr, ada).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIALS_FAILED', message: expect.stringContaining('"bad"') });
    expect(`${error.message} ${error.hint}`).not.toMatch(/hunter2|pass:word/);
    expect(read(docker)).toEqual({ credsStore: 'bad' });
  });

  it('that is missing does not keep a login in a file from being removed', async () => {
    const { options, podman, docker, write } = place();
    const { report, events } = recorder();
    write(podman, { auths: { 'ghcr.io': entry('a:a') } });
    write(docker, { credsStore: 'missing' });
    expect(await removeLogin({ ...options, report }, ghcr)).toEqual([{ path: podman }]);
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('"missing"') }]);
    expect(await listLogins({ ...options, report })).toEqual([fromEnvironment]);
  });
});

describe('the environment', () => {
  const trio = (registry: string) => ({
    ENGINESHED_AUTH_REGISTRY: registry,
    ENGINESHED_AUTH_USERNAME: 'ci',
    ENGINESHED_AUTH_PASSWORD: 'job-token',
  });

  it('comes before the files, for its registry or path only', async () => {
    const { home, podman, write } = place();
    write(podman, { auths: { 'ghcr.io': entry('file:file') } });
    const user = async (env: Record<string, string>, registry: string, repository?: string) =>
      (await credentialSource({ home, env }).find(registry, repository))?.username;
    const variable = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'ghcr.io': entry('variable:v') } }) };
    expect(await user(trio('GHCR.io'), 'ghcr.io', 'team/app')).toBe('ci');
    expect(await user(trio('ghcr.io/team'), 'ghcr.io', 'team/app')).toBe('ci');
    expect(await user(trio('ghcr.io/team'), 'ghcr.io', 'teams/app')).toBe('file');
    expect(await user(trio('quay.io'), 'ghcr.io')).toBe('file');
    expect(await user(variable, 'ghcr.io')).toBe('variable');
    expect(await user({ ...variable, ...trio('ghcr.io') }, 'ghcr.io')).toBe('ci');
    expect(await user({ ...variable, ...trio('quay.io') }, 'ghcr.io')).toBe('variable');
  });

  it.each([
    ['ENGINESHED_AUTH_REGISTRY'],
    ['ENGINESHED_AUTH_USERNAME'],
    ['ENGINESHED_AUTH_PASSWORD'],
  ] as const)('is an error without %s, which names it and no value', (missing) => {
    const { home } = place();
    const { [missing]: _left, ...env } = trio('ghcr.io');
    const make = () => credentialSource({ home, env: { ...env, [missing]: '' } });
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(make).toThrow(new RegExp(`but ${missing} is not`));
    expect(make).not.toThrow(/job-token/);
  });

  it.each(['https://ghcr.io', 'ghcr', 'ghcr.io/Team', ''])(
    'is an error for the registry "%s"',
    (registry) => {
      expect(() => credentialSource({ home: '/nowhere', env: trio(registry) })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    },
  );

  it('C16 is named where it is malformed, without its content', async () => {
    for (const text of [
      '{"auths": {"ghcr.io": {"auth": "aHVudGVyMg',
      '[]',
      '{"auths": {"ghcr.io": {"auth": "%hunter2"}}}',
      '{"auths": {"ghcr.io": {"registrytoken": "hunter2\\r\\nX-Other: 1"}}}',
    ]) {
      const error = await credentialSource({ home: '/nowhere', env: { DOCKER_AUTH_CONFIG: text } })
        .find('ghcr.io')
        .catch((thrown) => thrown);
      expect(error).toMatchObject({
        code: 'CREDENTIALS_FAILED',
        message: expect.stringContaining('DOCKER_AUTH_CONFIG'),
      });
      expect(`${error.message} ${error.hint} ${error.cause}`).not.toMatch(/aHVu|hunter2/);
    }
  });
});

const fromEnvironment = {
  registry: 'elsewhere.example.com',
  username: 'ci',
  origin: expect.stringContaining('ENGINESHED_AUTH_REGISTRY'),
};

/** A home with nothing in it, and a helper `test` on the PATH. */
function place() {
  const home = temporaryDirectory();
  const helper = recordingHelper(`${home}/helper`, 'test');
  const env = {
    PATH: `${helper.bin}:/usr/bin:/bin`,
    XDG_RUNTIME_DIR: `${home}/run`,
    KEPT: 'yes',
    ENGINESHED_AUTH_REGISTRY: 'elsewhere.example.com',
    ENGINESHED_AUTH_USERNAME: 'ci',
    ENGINESHED_AUTH_PASSWORD: 's3cr3t',
    DOCKER_AUTH_CONFIG: '',
  };
  const options = { env, home, owner: ownerOf(process.pid) };
  return {
    home,
    helper,
    options,
    session: `${home}/run/containers/auth.json`,
    podman: `${home}/.config/containers/auth.json`,
    docker: `${home}/.docker/config.json`,
    write: (file: string, content: unknown) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(content));
    },
    read: (file: string) => JSON.parse(readFileSync(file, 'utf8')),
  };
}
