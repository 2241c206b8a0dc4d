import * as net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { refuse } from '../../src/testing/index.js';
import { client, logins, manifestBytes, reference, scripted } from '../support/registry-client.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('TLS', () => {
  it('C13 a private authority that was named is trusted', async () => {
    const { registry, ca } = await secure('IP:127.0.0.1');
    await expect(resolving(registry.host, { ca, plainHttp: () => false })).resolves.toBeDefined();
  });

  it.each([
    ['of an unknown authority', 'IP:127.0.0.1', 2, false, /NODE_EXTRA_CA_CERTS/],
    ['of another host', 'DNS:other.example,IP:127.0.0.2', 2, true, /host name/],
    ['that expired', 'IP:127.0.0.1', -1, true, /clock|renewed/],
  ])(
    'C13 a certificate %s is refused, at once and without a credential',
    async (_what, names, days, named, hint) => {
      const { registry, ca } = await secure(names, days);
      for (const plainHttp of [() => false, () => undefined]) {
        const options = {
          plainHttp,
          credentials: logins({ [registry.host]: 'ada:horse' }),
          ...(named ? { ca } : {}),
        };
        await expect(resolving(registry.host, options)).rejects.toMatchObject({
          code: 'TLS_FAILED',
          hint: expect.stringMatching(hint),
        });
      }
      expect(registry.requests).toEqual([]);
    },
  );

  it('C13 https is never given up for http', async () => {
    const registry = await withManifest(await scripted());
    await expect(resolving(registry.host, { plainHttp: () => false })).rejects.toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringContaining('--plain-http'),
    });
    expect(registry.requests).toEqual([]);
  });

  it('C03 a redirect from https to http is refused', async () => {
    const [{ registry, ca }, elsewhere] = [await secure('IP:127.0.0.1'), await scripted()];
    registry.script((_request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/x` }).end();
      return 'handled';
    });
    await expect(resolving(registry.host, { ca, plainHttp: () => false })).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('from https to http'),
    });
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('a registry on loopback', () => {
  it('is spoken to over plain http, with no request more than needed', async () => {
    const registry = await withManifest(await scripted());
    await resolving(registry.host);
    expect(registry.log).toEqual(['HEAD /v2/acme/engine/manifests/one']);
  });

  it('C13 that speaks TLS is spoken to over TLS from then on, and gets credentials only there', async () => {
    const { registry, ca } = await secure('IP:127.0.0.1');
    registry.script(({ headers }, response) => {
      if (headers.authorization !== undefined) return undefined;
      response.setHeader('www-authenticate', 'Basic realm="x"');
      refuse(response, 401, 'UNAUTHORIZED', 'who?');
      return 'handled';
    });
    const front = await plainRefusingFront(registry);
    const credentials = logins({ [front.host]: 'ada:horse' });
    const repository = client({ ca, credentials }).repository(reference(front.host));
    await Promise.all([repository.resolve('one'), repository.resolve('one'), repository.resolve('one')]);
    await repository.resolve('one');
    expect(front.plain).toHaveLength(1);
    expect(front.plain.join()).not.toMatch(/authorization/i);
  });

  it('that answers 400 in plain http for a reason of its own is heard', async () => {
    const registry = await scripted();
    registry.script((_request, response) => {
      refuse(response, 400, 'NO', 'something is wrong');
      return 'handled';
    });
    await expect(resolving(registry.host)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      details: { status: 400, url: expect.stringMatching(/^http:/) },
    });
  });

  it('is not tried over TLS where plain http was asked for', async () => {
    const { registry, ca } = await secure('IP:127.0.0.1');
    const front = await plainRefusingFront(registry);
    await expect(resolving(front.host, { ca, plainHttp: () => true })).rejects.toMatchObject({
      details: { status: 400 },
    });
    expect(registry.requests).toEqual([]);
  });
});

async function secure(names: string, days?: number): Promise<{ registry: ScriptedRegistry; ca: string }> {
  const authority = new Authority(temporaryDirectory());
  const registry = await withManifest(await scripted({ tls: authority.issue(names, days) }));
  return { registry, ca: authority.certificate.cert };
}

async function withManifest(registry: ScriptedRegistry): Promise<ScriptedRegistry> {
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
  return registry;
}

function resolving(host: string, options: Partial<RegistryClientOptions> = {}) {
  return client(options).repository(reference(host)).resolve('one');
}

/** A port that passes TLS on to a registry and answers plain http as Go's servers do on such a port. */
async function plainRefusingFront(registry: ScriptedRegistry): Promise<{ host: string; plain: string[] }> {
  const plain: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      if (first[0] !== 0x16) {
        plain.push(first.toString());
        socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n');
        return;
      }
      const upstream = net.connect(Number(registry.host.split(':')[1]), '127.0.0.1');
      sockets.add(upstream);
      upstream.on('error', () => undefined);
      upstream.write(first);
      socket.pipe(upstream).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, plain };
}
