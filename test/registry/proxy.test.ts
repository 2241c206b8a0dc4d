import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { type ForwardProxyOptions, forwardProxy } from '../support/forward-proxy.js';
import {
  client,
  descriptorOf,
  logins,
  manifestBytes,
  opens,
  read,
  reference,
  scripted,
} from '../support/registry-client.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

const layer = randomBytes(2 * 1024 * 1024);

async function secure() {
  const authority = new Authority(temporaryDirectory());
  const registry = await scripted({ tls: authority.issue('DNS:registry.example,DNS:*.registry.example') });
  fill(registry);
  return { authority, registry, ca: authority.certificate.cert };
}

function fill(registry: ScriptedRegistry): void {
  registry.contents.addBlob(Buffer.from('{}'));
  registry.contents.addBlob(layer);
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
}

/** A registry over TLS that only the proxy can reach, as `registry.example`. */
async function behind(options: Partial<ForwardProxyOptions> = {}) {
  const { authority, registry, ca } = await secure();
  const names = { 'registry.example:443': registry.host, ...options.names };
  const proxy = await forwardProxy({ ...options, names });
  return { authority, registry, ca, proxy };
}

function through(proxyUrl: string, options: Partial<RegistryClientOptions> = {}): Target {
  return client({ environment: { HTTPS_PROXY: proxyUrl }, ...options }).repository(
    reference('registry.example'),
  );
}

const plainHttp = () => true;

describe('a registry behind a proxy', () => {
  it('is spoken to over TLS in a tunnel, whose connections are kept', async () => {
    const { registry, ca, proxy } = await behind();
    const target = through(proxy.url, { ca });
    await target.resolve('one');
    expect((await read(target, descriptorOf(layer))).equals(layer)).toBe(true);
    const bytes = Buffer.from('fresh');
    await target.push(descriptorOf(bytes), opens(bytes));
    expect(registry.requests.length).toBeGreaterThan(4);
    expect(proxy.log).toEqual(['CONNECT registry.example:443']);
    expect(proxy.headers[0]).toMatchObject({ host: 'registry.example:443', 'user-agent': 'engineshed-test' });
  });

  it('C02 is asked for by whole addresses over plain http, with the login of the proxy', async () => {
    const registry = await scripted();
    fill(registry);
    const proxy = await forwardProxy({ names: { 'registry.example:80': registry.host }, login: 'ada:horse' });
    const environment = { http_proxy: proxy.url.replace('//', '//ada:horse@') };
    const target = through('', { environment, plainHttp });
    await target.resolve('one');
    const bytes = Buffer.from('fresh');
    await target.push(descriptorOf(bytes), opens(bytes));
    expect(proxy.log[0]).toBe('HEAD http://registry.example/v2/acme/engine/manifests/one');
    expect(proxy.headers[0]).toMatchObject({ host: 'registry.example' });
    expect(registry.requests.map(({ headers }) => headers.host)).toEqual(
      proxy.log.map(() => 'registry.example'),
    );
  });

  it("C02 the proxy's login goes to the proxy, the registry's to the registry", async () => {
    const { registry, ca, proxy } = await behind({ login: 'ada:p@ss/word' });
    registry.script(({ headers }, response) => {
      if (headers.authorization !== undefined) return undefined;
      response.setHeader('www-authenticate', 'Basic realm="x"');
      refuse(response, 401, 'UNAUTHORIZED', 'who?');
      return 'handled';
    });
    const credentials = logins({ 'registry.example': 'bob:donkey' });
    await through(proxy.url.replace('//', '//ada:p%40ss%2Fword@'), { ca, credentials }).resolve('one');
    expect(proxy.headers.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(registry.requests.map(({ headers }) => headers['proxy-authorization'])).toEqual([
      undefined,
      undefined,
    ]);
    expect(registry.requests[1]?.headers.authorization).toBe(
      `Basic ${Buffer.from('bob:donkey').toString('base64')}`,
    );
  });

  it('is reached through a proxy that speaks TLS itself, which is verified too', async () => {
    const { authority, ca, registry } = await behind();
    const proxy = await forwardProxy({
      names: { 'registry.example:443': registry.host, 'registry.example:80': registry.host },
      tls: authority.issue('IP:127.0.0.1'),
    });
    await expect(through(proxy.url, { ca }).resolve('one')).resolves.toBeDefined();
    const environment = { HTTP_PROXY: proxy.url };
    const plain = through('', { ca, environment, plainHttp, limits: { tries: 1 } });
    // The registry speaks TLS: what the proxy passes on to it in plain http is answered by nobody, but passed on it is.
    await expect(plain.resolve('one')).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(proxy.log.at(-1)).toBe('HEAD http://registry.example/v2/acme/engine/manifests/one');
    const unknown = new Authority(temporaryDirectory()).certificate.cert;
    await expect(through(proxy.url, { ca: unknown }).resolve('one')).rejects.toMatchObject({
      code: 'TLS_FAILED',
      message: `The certificate of ${proxy.host} was not accepted (UNABLE_TO_VERIFY_LEAF_SIGNATURE), which is the proxy ${proxy.url} (HTTPS_PROXY) for registry.example`,
    });
  });

  it('C13 is verified by its own name, inside of the tunnel', async () => {
    const { registry, ca, proxy } = await behind();
    await expect(through(proxy.url).resolve('one')).rejects.toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringContaining(
        `of registry.example, through the proxy ${proxy.url} (HTTPS_PROXY), was`,
      ),
      hint: expect.stringContaining('proxy that signs for others'),
    });
    const names = { 'other.example:443': registry.host };
    const other = await forwardProxy({ names });
    const target = client({ environment: { https_proxy: other.url }, ca }).repository(
      reference('other.example'),
    );
    await expect(target.resolve('one')).rejects.toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
    expect(registry.requests).toEqual([]);
  });

  it('C03 redirects through the proxy lose the login too', async () => {
    const { registry, ca } = await secure();
    const blobs = await forwardProxy({
      names: { 'registry.example:443': registry.host, 'cdn.registry.example:443': registry.host },
    });
    registry.script(({ path, headers }, response) => {
      if (headers.host === 'cdn.registry.example') return undefined;
      if (headers.authorization === undefined) {
        response.setHeader('www-authenticate', 'Basic realm="x"');
        refuse(response, 401, 'UNAUTHORIZED', 'who?');
      } else response.writeHead(307, { location: `https://cdn.registry.example${path}` }).end();
      return 'handled';
    });
    const target = through(blobs.url, { ca, credentials: logins({ 'registry.example': 'bob:donkey' }) });
    await read(target, descriptorOf(layer));
    expect(blobs.log).toEqual(['CONNECT registry.example:443', 'CONNECT cdn.registry.example:443']);
    expect(registry.requests.at(-1)?.headers).toMatchObject({ host: 'cdn.registry.example' });
    expect(registry.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  it.each<[string, string, Partial<ForwardProxyOptions>, object]>([
    ['wants a login', '', { login: 'ada:horse' }, { code: 'UNAUTHORIZED', hint: /put one into HTTPS_PROXY/ }],
    [
      'refuses the login',
      'ada:secret-horse@',
      { login: 'ada:horse' },
      { code: 'UNAUTHORIZED', hint: /does not accept the login in HTTPS_PROXY/ },
    ],
    [
      'cannot reach it',
      '',
      { names: { 'registry.example:443': '' } },
      { code: 'NETWORK_FAILED', message: /answered 502/ },
    ],
    [
      'forbids it',
      '',
      answering('HTTP/1.1 403 No\r\ncontent-type: text/html\r\n\r\n<html>'),
      { code: 'FORBIDDEN', message: /403 with a web page/, hint: /add it to NO_PROXY/ },
    ],
    [
      'does not know CONNECT',
      '',
      answering('HTTP/1.1 405 No\r\n\r\n'),
      { code: 'REGISTRY_UNAVAILABLE', message: /answered 405/ },
    ],
    [
      'is no proxy',
      '',
      answering('220 mail.example ESMTP\r\n'),
      { code: 'RESPONSE_INVALID', message: /did not answer in HTTP/ },
    ],
    ['hangs up', '', answering(''), { code: 'NETWORK_FAILED', message: /ECONNRESET/ }],
    [
      'never answers',
      '',
      { misbehave: () => true },
      { code: 'TIMEOUT', message: /not reached in time by the proxy/ },
    ],
    [
      'is a captive portal in the tunnel (C12)',
      '',
      answering('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>log in</html>'),
      { code: 'TLS_FAILED', message: /through the proxy/ },
    ],
  ])('is told of where the proxy %s', async (_what, login, options, expected) => {
    const { registry, ca, proxy } = await behind(options);
    const target = through(proxy.url.replace('//', `//${login}`), { ca, limits: { idleMs: 300, tries: 2 } });
    const error = await target.resolve('one').then(
      () => ({}),
      (thrown) => thrown,
    );
    expect(error).toMatchObject(
      Object.fromEntries(
        Object.entries(expected).map(([key, value]) => [
          key,
          value instanceof RegExp ? expect.stringMatching(value) : value,
        ]),
      ),
    );
    expect(error.message).toContain(`proxy ${proxy.url} (HTTPS_PROXY)`);
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('secret-horse');
    expect(registry.requests).toEqual([]);
  });

  it('is told of where there is no proxy, or no such name', async () => {
    await expect(
      through('http://127.0.0.1:1', { limits: { tries: 1 } }).resolve('one'),
    ).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message:
        'The connection to 127.0.0.1:1 failed (ECONNREFUSED), which is the proxy http://127.0.0.1:1 (HTTPS_PROXY) for registry.example',
      hint: 'Check HTTPS_PROXY. If registry.example is to be reached without a proxy, add it to NO_PROXY.',
    });
    for (const [value, message] of [
      ['socks5://ada:horse@127.0.0.1:1', 'names a proxy by "socks5:'],
      ['http://', 'names no proxy'],
      ['ht tp:horse', 'names no proxy'],
    ] as const) {
      const error = await through(value)
        .resolve('one')
        .catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) });
      expect(error.message + error.hint).not.toContain('horse');
    }
  });

  it.each([
    [
      'wants a login',
      'HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n',
      { code: 'UNAUTHORIZED', message: expect.stringContaining('(ALL_PROXY) answered 407') },
    ],
    [
      'shows a page (C12)',
      'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\n',
      {
        code: 'RESPONSE_INVALID',
        message: expect.stringMatching(
          /^registry.example, through the proxy http\S+ \(ALL_PROXY\), answered with a web page/,
        ),
      },
    ],
    [
      'cannot reach it',
      'HTTP/1.1 502 No\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n',
      { code: 'REGISTRY_UNAVAILABLE', message: expect.stringContaining('(ALL_PROXY), answered 502') },
    ],
    [
      'is no proxy',
      '220 mail.example ESMTP\r\n',
      { code: 'RESPONSE_INVALID', message: expect.stringContaining('(ALL_PROXY)') },
    ],
  ])('is told of where the proxy for plain http %s', async (_what, answer, expected) => {
    const proxy = await forwardProxy({ names: {}, ...answering(answer) });
    const target = through('', { environment: { ALL_PROXY: proxy.host }, plainHttp, limits: { tries: 1 } });
    await expect(target.resolve('one')).rejects.toMatchObject(expected);
  });

  it('ends at once with the reason of a signal while the proxy is silent', async () => {
    const { proxy } = await behind({ misbehave: () => true });
    const abort = new AbortController();
    const reading = through(proxy.url).fetch(descriptorOf(layer), { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(reading).rejects.toThrow('enough');
  });

  it('on this machine is asked without any proxy', async () => {
    const registry = await scripted();
    fill(registry);
    const environment = { HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1' };
    const target = client({ environment }).repository(reference(registry.host));
    await expect(target.resolve('one')).resolves.toBeDefined();
  });
});

function answering(text: string): Partial<ForwardProxyOptions> {
  return {
    misbehave: (_asked, socket) => {
      socket.end(text);
      return true;
    },
  };
}
