import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startTokenService } from '../../src/testing/index.js';
import { newUser, run, type User } from '../acceptance/cli.js';
import { recordingHelper } from '../support/credential-helper.js';
import { peersMissing } from '../support/peers.js';
import { type RealRegistryOptions, startRealRegistry } from '../support/registry-debian.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

const password = 'correct-horse-battery';

describe.skipIf(peersMissing('docker-registry', 'htpasswd', 'openssl', 'skopeo'))(
  'a login at a real registry',
  () => {
    it('over TLS lets publish and install until logout, and skopeo too', async () => {
      const { user, registry, environment, skopeo } = await overTls();
      const reference = `${registry}/acme/component:1`;
      const publish = () => user.engineshed(['publish', 'component', reference], { environment });
      const before = await publish();
      expect([before.status, before.stderr]).toEqual([
        77,
        expect.stringContaining(`engineshed login ${registry}`),
      ]);

      const wrong = await login(user, registry, 'not-the-password', environment);
      expect(wrong.status).toBe(77);
      expect(wrong.stderr).toContain('"ada"');
      expect(wrong.stdout + wrong.stderr).not.toContain('not-the-password');
      expect((await user.json(['login'], { environment })).logins).toEqual([]);
      expect((await publish()).status).toBe(77);

      const done = await login(user, registry, password, environment);
      expect([done.status, done.stderr]).toEqual([0, expect.stringMatching(/not encrypted in .*auth\.json/)]);
      expect(done.stdout + done.stderr).not.toContain('horse');
      expect((await publish()).status).toBe(0);
      await user.output(['install', reference], { environment });
      expect((await skopeo('inspect', `docker://${reference}`)).status).toBe(0);

      const out = await user.output(['logout', registry], { environment });
      expect(out).toContain('auth.json');
      expect((await publish()).status).toBe(77);
      expect((await skopeo('inspect', `docker://${reference}`)).status).not.toBe(0);
    });

    it('of skopeo is used and listed, replaced and removed', async () => {
      const { user, registry, environment, skopeo } = await overTls();
      const reference = `${registry}/acme/component:1`;
      const theirs = await skopeo('login', '-u', 'ada', '-p', password, registry);
      expect([theirs.status, theirs.stderr]).toEqual([0, '']);
      expect((await user.json(['login'], { environment })).logins).toEqual([
        { registry, username: 'ada', origin: `${user.home}/run/containers/auth.json` },
      ]);
      await user.output(['publish', 'component', reference], { environment });
      const { storedIn } = JSON.parse((await login(user, registry, password, environment, '--json')).stdout);
      expect(storedIn).toEqual({ path: `${user.home}/run/containers/auth.json` });
      expect((await skopeo('login', '--get-login', registry)).stdout).toBe('ada\n');
      await user.output(['logout', registry], { environment });
      expect((await skopeo('login', '--get-login', registry)).status).not.toBe(0);
    });

    it('is kept by a credential helper, with the password on no command line', async () => {
      const { user, registry, environment } = await overTls();
      const helper = recordingHelper(`${user.home}/helper`, 'test');
      mkdirSync(`${user.home}/.docker`);
      const config = `${user.home}/.docker/config.json`;
      writeFileSync(config, JSON.stringify({ credsStore: 'test' }));
      const withHelper = { ...environment, PATH: `${helper.bin}:${process.env.PATH}` };
      const done = await login(user, registry, password, withHelper);
      expect([done.status, done.stdout]).toEqual([0, expect.stringContaining('credential helper "test"')]);
      expect(done.stderr).toBe('');
      await user.output(['publish', 'component', `${registry}/acme/component:1`], {
        environment: withHelper,
      });
      await user.output(['logout', registry], { environment: withHelper });
      expect(readFileSync(config, 'utf8')).toBe(JSON.stringify({ credsStore: 'test' }));
      expect(helper.calls().map(({ commandLine }) => commandLine.split(' ').at(-1))).toEqual(
        expect.arrayContaining(['store', 'get', 'erase']),
      );
      for (const { commandLine } of helper.calls()) expect(commandLine).not.toContain('horse');
      const refused = await user.engineshed(['publish', 'component', `${registry}/acme/component:1`], {
        environment: withHelper,
      });
      expect(refused.status).toBe(77);
    });

    it('of a pipeline comes from the environment, and is nowhere on the disk', async () => {
      const { user, registry, environment } = await overTls();
      const publish = (more: Record<string, string>) =>
        user.engineshed(['publish', 'component', `${registry}/acme/component:1`], {
          environment: { ...environment, ...more },
        });
      const trio = {
        ENGINESHED_AUTH_REGISTRY: registry,
        ENGINESHED_AUTH_USERNAME: 'ada',
        ENGINESHED_AUTH_PASSWORD: password,
      };
      expect(await publish(trio)).toMatchObject({ status: 0 });
      const auth = Buffer.from(`ada:${password}`).toString('base64');
      const variable = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry]: { auth } } }) };
      expect(await publish(variable)).toMatchObject({ status: 0 });
      const wrong = await publish({ ...trio, ENGINESHED_AUTH_PASSWORD: 'wrong-password' });
      expect([wrong.status, wrong.stderr]).toEqual([77, expect.stringContaining('ENGINESHED_AUTH_REGISTRY')]);
      expect(wrong.stderr).not.toContain('wrong-password');
      const half = await publish({ ENGINESHED_AUTH_REGISTRY: registry });
      expect([half.status, half.stderr]).toEqual([
        78,
        expect.stringContaining('ENGINESHED_AUTH_PASSWORD are not'),
      ]);
      const found = await run('grep', ['-rlE', `${password}|${auth}`, user.home]);
      expect(found.stdout).toBe('');
    });

    it('with a token service is kept as its identity token, which skopeo uses too', async () => {
      const { user, registry, service, environment, auths } = await withTokens({ 'r-e-f-r-e-s-h': 'ada' });
      const reference = `${registry}/acme/component:1`;
      const done = JSON.parse((await login(user, registry, password, environment, '--json')).stdout);
      expect(done).toMatchObject({ username: 'ada', kind: 'identityToken', verified: true });
      expect(auths()[registry]).toEqual({
        auth: Buffer.from('ada:').toString('base64'),
        identitytoken: 'r-e-f-r-e-s-h',
      });
      service.requests.length = 0;
      await user.output(['publish', 'component', reference], { environment });
      expect(service.requests.map(({ method, user }) => `${method} ${user}`)).toContain('POST ada');
      expect(service.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
      const seen = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${reference}`], {
        environment,
      });
      expect([seen.status, seen.stderr]).toEqual([0, '']);
      await user.output(['logout', registry], { environment });
      expect((await user.engineshed(['publish', 'component', reference], { environment })).status).toBe(77);
    });

    it('with a token service that gives none is kept as the password', async () => {
      const { user, registry, environment, auths } = await withTokens({});
      expect((await login(user, registry, 'wrong-password', environment)).status).toBe(77);
      const done = JSON.parse((await login(user, registry, password, environment, '--json')).stdout);
      expect(done).toMatchObject({ kind: 'password', verified: true });
      expect(auths()[registry]).toEqual({ auth: Buffer.from(`ada:${password}`).toString('base64') });
      await user.output(['publish', 'component', `${registry}/acme/component:1`], { environment });
    });
  },
);

function login(
  user: User,
  registry: string,
  secret: string,
  environment: User['environment'],
  ...more: string[]
) {
  const args = ['login', registry, '--username', 'ada', '--password-stdin', ...more];
  return user.engineshed(args, { input: `${secret}\n`, environment });
}

function userWithComponent(): User {
  const user = newUser();
  mkdirSync(`${user.home}/run`);
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content');
  return user;
}

async function started(options: Partial<RealRegistryOptions>): Promise<string> {
  const registry = await startRealRegistry({ directory: temporaryDirectory(), ...options });
  onTestFinished(() => registry.close());
  return registry.host;
}

/** A registry over TLS with a password, and skopeo that trusts it and has the same home. */
async function overTls() {
  const user = userWithComponent();
  const authority = new Authority(temporaryDirectory());
  const registry = await started({ tls: authority.issue('IP:127.0.0.1'), users: { ada: password } });
  const environment = {
    ...user.environment,
    NODE_EXTRA_CA_CERTS: authority.certificate.certFile,
    XDG_RUNTIME_DIR: `${user.home}/run`,
  };
  const certificates = `${user.home}/certificates`;
  mkdirSync(certificates);
  writeFileSync(`${certificates}/ca.crt`, authority.certificate.cert);
  const skopeo = (command: string, ...args: string[]) =>
    run('skopeo', [command, '--cert-dir', certificates, ...args], { environment });
  return { user, registry, environment, skopeo };
}

/** A registry with a token service; anonymous callers may do nothing. */
async function withTokens(refreshTokens: Record<string, string>) {
  const user = userWithComponent();
  const authority = new Authority(temporaryDirectory());
  const service = await startTokenService({
    certificate: authority.certificate,
    service: 'a registry',
    issuer: 'tests',
    users: { ada: password },
    refreshTokens,
    allows: (name) => name === 'ada',
  });
  onTestFinished(() => service.close());
  const { certFile } = authority.certificate;
  const token = { realm: service.realm, service: 'a registry', issuer: 'tests', certFile };
  const registry = await started({ token });
  const file = `${user.home}/auth.json`;
  const environment = { ...user.environment, REGISTRY_AUTH_FILE: file };
  return { user, registry, service, environment, auths: () => JSON.parse(readFileSync(file, 'utf8')).auths };
}
