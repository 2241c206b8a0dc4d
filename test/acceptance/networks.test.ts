import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { forwardProxy } from '../support/forward-proxy.js';
import { Authority } from '../support/registry-tls.js';
import { newUser, type User } from './cli.js';

function userWithComponent(): User {
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content');
  return user;
}

async function registryWith(tls?: { key: string; cert: string }): Promise<ScriptedRegistry> {
  const registry = await ScriptedRegistry.start(tls === undefined ? {} : { tls });
  onTestFinished(() => registry.close());
  return registry;
}

describe('the built program', () => {
  it('C13 publishes and installs through a proxy with a login, to a registry of a private authority', async () => {
    const user = userWithComponent();
    const authority = new Authority(user.home);
    const registry = await registryWith(authority.issue('DNS:registry.example'));
    const names = { 'registry.example:443': registry.host };
    const proxy = await forwardProxy({ names, login: 'ada:secret-horse' });
    const image = 'registry.example/acme/component:1';
    const set = (login: string) => ({ HTTPS_PROXY: proxy.url.replace('//', `//${login}`) });

    const refused = await user.engineshed(['publish', 'component', image], {
      environment: set('ada:secret-donkey@'),
    });
    expect(refused.status).toBe(77);
    expect(refused.stderr).toContain(`proxy ${proxy.url} (HTTPS_PROXY)`);
    expect(refused.stderr).not.toContain('secret');

    const environment = set('ada:secret-horse@');
    const untrusted = await user.engineshed(['publish', 'component', image], { environment });
    expect(untrusted.status).toBe(69);
    expect(untrusted.stderr).toContain('~/.config/containers/certs.d/registry.example/ca.crt');

    const directory = `${user.home}/.config/containers/certs.d/registry.example`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/ca.crt`, authority.certificate.cert);
    await user.output(['publish', 'component', image], { environment });
    await user.output(['install', image, '--name', 'acme'], { environment });
    expect(await user.output(['exec', 'acme', '--', 'true'])).toBe('');
    expect(new Set(proxy.log)).toEqual(new Set(['CONNECT registry.example:443']));
  });

  it('reads from a mirror of the own file and of the machine, and records what the reference names', async () => {
    const user = userWithComponent();
    const [origin, mirror] = [await registryWith(), await registryWith()];
    await user.output(['publish', 'component', `${mirror.host}/cache/acme/component:1`]);
    await user.output(['publish', 'component', `${origin.host}/acme/component:1`]);
    const image = 'registry.example/acme/component:1';
    const table = (cache: string) =>
      `[[registry]]\nprefix = "registry.example"\nlocation = "${origin.host}"\n[[registry.mirror]]\nlocation = "${cache}"\n`;

    writeFileSync(`${user.home}/registries.conf`, table(`${mirror.host}/cache`));
    const environment = { CONTAINERS_REGISTRIES_CONF: `${user.home}/registries.conf` };
    origin.requests.length = 0;
    const installed = await user.json(['install', image, '--name', 'acme'], { environment });
    expect(installed.sources.component.reference).toBe(image);
    expect(origin.requests).toEqual([]);

    writeFileSync(`${user.work}/engineshed.toml`, table('127.0.0.1:1/cache'));
    await user.output(['uninstall', 'acme', '--force']);
    const again = await user.engineshed(['install', image, '--name', 'acme'], { environment });
    expect(again.status).toBe(0);
    expect(again.stderr.match(/^warning: .*$/gm)).toEqual([
      'warning: A mirror is passed over: The connection to 127.0.0.1:1 failed (ECONNREFUSED)',
    ]);
    expect(origin.requests).not.toEqual([]);

    writeFileSync(
      `${user.work}/engineshed.toml`,
      '[[registry]]\nprefix = "registry.example"\nblocked = true\n',
    );
    const blocked = await user.engineshed(['install', image, '--name', 'other'], { environment });
    expect(blocked.status).toBe(77);
    expect(blocked.stderr).toContain('registry.example/acme/component is blocked');
    expect(blocked.stderr).toContain(`${user.work}/engineshed.toml`);
  });
});
