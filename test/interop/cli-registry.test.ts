import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, type User } from '../acceptance/cli.js';
import { hamletComponents, makeHamlet } from '../support/hamlet.js';
import { peersMissing } from '../support/peers.js';
import { type RealRegistryOptions, startRealRegistry } from '../support/registry-debian.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

async function realRegistry(options: Partial<RealRegistryOptions> = {}): Promise<string> {
  const registry = await startRealRegistry({ directory: temporaryDirectory(), ...options });
  onTestFinished(() => registry.close());
  return registry.host;
}

/** Publishes hamlet's stand-ins as its workflows do: each component, and the consolidated image. */
async function publishHamlet(user: User, registry: string): Promise<void> {
  makeHamlet(`${user.work}/components`, 'of the day');
  for (const component of hamletComponents) {
    await user.output(['publish', `components/${component}`, `${registry}/hamlet-io/${component}:edge`]);
  }
  const tags = [
    'nightly',
    'schedule-20260102',
    'schedule-20260301',
    'schedule-20261301',
    '9.1.0',
    '9.10.0',
    '9.2.0-rc.1',
    '8.4.0',
  ];
  const tagged = tags.flatMap((tag) => ['--tag', tag]);
  await user.output(['publish', 'components', `${registry}/hamlet-io/hamlet-engine-base:latest`, ...tagged]);
}

describe.skipIf(peersMissing('docker-registry', 'htpasswd', 'openssl'))(
  'the built program and a real registry',
  () => {
    it('installs the engines of the hamlet catalog from a mirror, and runs their executor', async () => {
      const user = newUser();
      const registry = await realRegistry();
      await publishHamlet(user, registry);
      const mirror = ['--registry', registry];
      for (const engine of ['unicycle', 'train', 'tram-20260301', '8.4.0'])
        await user.output(['install', engine, ...mirror]);
      expect(await user.output(['current'])).toBe('unicycle\n');
      const run = async (engine: string) =>
        user.output(['exec', engine, '--', 'bash', '-c', '"$GENERATION_DIR/createTemplate.sh"']);
      expect(await run('unicycle')).toBe('engine of the day\naws\nazure\n');
      expect(await run('train')).toBe('engine of the day\naws\nazure\n');

      const environment = async (engine: string) => user.json(['env', engine]);
      const { set, unset } = await environment('train');
      expect(Object.keys(set).sort()).toEqual([
        'AUTOMATION_BASE_DIR',
        'AUTOMATION_DIR',
        'GENERATION_BASE_DIR',
        'GENERATION_DIR',
        'GENERATION_ENGINE_DIR',
        'GENERATION_PLUGIN_DIRS',
        'GENERATION_WRAPPER_LOCAL_JAVA',
        'GENERATION_WRAPPER_SCRIPT_FILE',
      ]);
      expect(unset).toEqual(['GENERATION_WRAPPER_JAR_FILE']);
      expect(set.GENERATION_PLUGIN_DIRS.split(';').map((path: string) => path.replace(/.*\//, ''))).toEqual([
        'engine-plugin-aws',
        'engine-plugin-azure',
      ]);
      expect((await environment('8.4.0')).set).toMatchObject({ GENERATION_WRAPPER_LOCAL_JAVA: 'true' });
      // Four names, but one consolidated image and five components: six layers.
      expect(readdirSync(`${user.store}/layers/sha256`)).toHaveLength(6);
    });

    it('lists what the registry offers', async () => {
      const user = newUser();
      const registry = await realRegistry();
      await publishHamlet(user, registry);
      await user.output(['install', '9.1.0', '--registry', registry]);
      const { engines } = await user.json(['available', '--registry', registry]);
      expect(
        engines.map(
          ({ name, kind, installed }: Record<string, unknown>) =>
            `${name} ${kind}${installed ? ' installed' : ''}`,
        ),
      ).toEqual([
        'unicycle channel',
        'tram channel',
        'train channel',
        'tram-20260301 dated',
        'tram-20260102 dated',
        '9.10.0 version',
        '9.1.0 version installed',
        '8.4.0 version',
      ]);
    });

    it('takes a registry from the user configuration, and a pinned digest of a known image as that engine', async () => {
      const user = newUser();
      const registry = await realRegistry();
      await publishHamlet(user, registry);
      mkdirSync(`${user.home}/.config/engineshed`, { recursive: true });
      writeFileSync(
        `${user.home}/.config/engineshed/engineshed.toml`,
        `[[registry]]\nprefix = "ghcr.io/hamlet-io"\nlocation = "${registry}/hamlet-io"\n`,
      );
      const train = await user.json(['install']);
      expect(train.name).toBe('train');
      const digest = train.sources['hamlet-engine-base'].resolved;
      const pinned = await user.json([
        'install',
        `ghcr.io/hamlet-io/hamlet-engine-base@${digest}`,
        '--name',
        'pinned',
      ]);
      expect(pinned.fetchedBytes).toBe(0);
      expect(
        (await user.json(['show', 'pinned'])).parts.map((part: { type: string }) => part.type),
      ).toContain('core-engine');
    });

    it('speaks TLS with basic authentication, credentials from a login file', async () => {
      const user = newUser();
      const authority = new Authority(user.home);
      const registry = await realRegistry({
        tls: authority.issue('IP:127.0.0.1'),
        users: { ada: 'pass:word' },
      });
      mkdirSync(`${user.work}/component`);
      writeFileSync(`${user.work}/component/file`, 'content');
      const reference = `${registry}/acme/component:1`;
      const trusting = { NODE_EXTRA_CA_CERTS: authority.certificate.certFile };

      const untrusted = await user.engineshed(['publish', 'component', reference]);
      expect(untrusted.status).toBe(69);
      const anonymous = await user.engineshed(['publish', 'component', reference], { environment: trusting });
      expect(anonymous.status).toBe(77);
      expect(anonymous.stderr).toContain(registry);

      const login = (password: string) => {
        const auth = Buffer.from(`ada:${password}`).toString('base64');
        writeFileSync(`${user.home}/auth.json`, JSON.stringify({ auths: { [registry]: { auth } } }));
        return { ...trusting, REGISTRY_AUTH_FILE: `${user.home}/auth.json` };
      };
      const wrong = await user.engineshed(['publish', 'component', reference], {
        environment: login('wrong-password'),
      });
      expect(wrong.status).toBe(77);
      expect(wrong.stderr).not.toContain('wrong-password');
      expect(wrong.stderr).not.toContain(Buffer.from('ada:wrong-password').toString('base64'));
      await user.output(['publish', 'component', reference], { environment: login('pass:word') });
      await user.output(['install', reference], { environment: login('pass:word') });
      expect(await user.output(['list'])).toContain('acme-component-1');
    });
  },
);

describe('requests', () => {
  it('a second install downloads nothing and asks one manifest per source', async () => {
    const user = newUser();
    const registry = await ScriptedRegistry.start();
    onTestFinished(() => registry.close());
    await publishHamlet(user, registry.host);
    await user.output(['install', 'unicycle', '--registry', registry.host]);
    registry.requests.length = 0;
    const again = await user.json(['install', 'unicycle', '--registry', registry.host]);
    expect(again.upToDate).toBe(true);
    expect(registry.requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      hamletComponents.map((component) => `HEAD /v2/hamlet-io/${component}/manifests/edge`).sort(),
    );
  });

  it('two installs of the same engine at once both succeed, and download each layer once', async () => {
    const user = newUser();
    const registry = await ScriptedRegistry.start();
    onTestFinished(() => registry.close());
    await publishHamlet(user, registry.host);
    registry.requests.length = 0;
    const installs = Array.from({ length: 4 }, () =>
      user.json(['install', 'unicycle', '--registry', registry.host]),
    );
    const results = await Promise.all(installs);
    expect(new Set(results.map((result) => result.id)).size).toBe(1);
    const layers = new Set(
      results.flatMap((result) => result.fetchedLayers.map((layer: { digest: string }) => layer.digest)),
    );
    const fetched = registry.requests.filter(
      ({ method, path }) => method === 'GET' && layers.has(path.replace(/.*\/blobs\//, '')),
    );
    expect(fetched).toHaveLength(hamletComponents.length);
    expect((await user.engineshed(['exec', 'unicycle', '--', 'true'])).status).toBe(0);
  });

  it('nothing of an image that lies is kept, and the active engine stays', async () => {
    const user = newUser();
    const registry = await ScriptedRegistry.start();
    onTestFinished(() => registry.close());
    await publishHamlet(user, registry.host);
    await user.output(['install', 'train', '--registry', registry.host]);
    const before = readdirSync(`${user.store}/layers/sha256`);
    cpSync(`${user.work}/components/engine`, `${user.work}/changed`, { recursive: true });
    writeFileSync(`${user.work}/changed/more`, 'x'.repeat(100_000));
    await user.output(['publish', 'changed', `${registry.host}/hamlet-io/engine:edge`]);
    const answer = await fetch(`${registry.url}/v2/hamlet-io/engine/manifests/edge`);
    const manifest = (await answer.json()) as { layers: { digest: string; size: number }[] };
    const { digest = '', size = 0 } = manifest.layers[0] ?? {};
    registry.script((request, response) => {
      if (request.method !== 'GET' || !request.path.endsWith(digest)) return undefined;
      response.writeHead(200, { 'content-length': size });
      response.end(Buffer.alloc(size));
      return 'handled';
    });
    const failed = await user.engineshed(['install', 'unicycle', '--registry', registry.host]);
    expect(failed.status).toBe(65);
    expect(failed.stderr).toContain(digest.slice(0, 19));
    expect(await user.output(['current'])).toBe('train\n');
    expect(readdirSync(`${user.store}/staging`)).toEqual([]);
    expect(readdirSync(`${user.store}/engines`)).toEqual(['train']);
    expect(readdirSync(`${user.store}/layers/sha256`)).toEqual(expect.arrayContaining(before));
  });
});
