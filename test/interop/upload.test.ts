import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Target } from '../../src/content/index.js';
import { startTokenService } from '../../src/testing/index.js';
import { client, descriptorOf, logins, opens, read, reference } from '../support/registry-client.js';
import { type RealRegistryOptions, startRealRegistry } from '../support/registry-debian.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

const mebibyte = 1024 * 1024;

describe('uploads to the CNCF distribution registry', () => {
  it('C07 arrive through a network that loses connections', async () => {
    const registry = await started();
    const network = await lossy(registry.host, [7 * mebibyte, 9 * mebibyte, 12 * mebibyte]);
    const blob = randomBytes(30 * mebibyte);
    const descriptor = descriptorOf(blob);
    await client().repository(reference(network)).push(descriptor, opens(blob));
    expect((await read(client().repository(reference(registry.host)), descriptor)).equals(blob)).toBe(true);
  });

  it.each([20, 3, 0.7])('go in chunks through a proxy that takes %d MiB at once', async (limit) => {
    const registry = await started();
    const methods: string[] = [];
    const proxy = await limiting(registry.host, limit * mebibyte, methods);
    const blob = randomBytes(25 * mebibyte);
    const descriptor = descriptorOf(blob);
    await client().repository(reference(proxy)).push(descriptor, opens(blob));
    expect(methods).toContain('PATCH');
    expect((await read(client().repository(reference(registry.host)), descriptor)).equals(blob)).toBe(true);
  });

  it('are not needed where another repository has the blob', async () => {
    const registry = await started();
    const blob = randomBytes(1000);
    const descriptor = descriptorOf(blob);
    const [base, engine] = ['acme/base', 'acme/engine'].map((name) =>
      client().repository(reference(registry.host, name)),
    ) as [Target, Target];
    await base.push(descriptor, opens(blob));
    const never = () => Promise.reject(new Error('the content was opened'));
    await engine.push(descriptor, never, { mountFrom: ['acme/none', 'acme/base'] });
    expect((await read(engine, descriptor)).equals(blob)).toBe(true);
    // The session that the first candidate gave is cancelled; the registry leaves but an empty frame of it.
    const uploads = `${registry.directory}/data/docker/registry/v2/repositories/acme/engine/_uploads`;
    const left = readdirSync(uploads, { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => /(data|startedat)$/.test(path))).toEqual([]);
  });

  it('are not needed where the login may read the other repository, and are made where it may not', async () => {
    const authority = new Authority(temporaryDirectory());
    const service = await startTokenService({
      certificate: authority.certificate,
      service: 'test',
      issuer: 'tests',
      users: { ada: 'horse', root: 'horse' },
      allows: (user, repository) => user === 'root' || (user === 'ada' && repository !== 'acme/secret'),
    });
    onTestFinished(() => service.close());
    const { realm } = service;
    const { host } = await started({
      token: { realm, service: 'test', issuer: 'tests', certFile: authority.certificate.certFile },
    });
    const as = (user: string, name: string) =>
      client({ credentials: logins({ [host]: `${user}:horse` }) }).repository(reference(host, name));
    for (const name of ['acme/base', 'acme/secret']) {
      const blob = randomBytes(1000);
      let opened = 0;
      const open = () => {
        opened++;
        return opens(blob)();
      };
      await as('root', name).push(descriptorOf(blob), open);
      await as('ada', 'acme/engine').push(descriptorOf(blob), open, { mountFrom: [name] });
      expect(opened).toBe(name === 'acme/secret' ? 2 : 1);
    }
  });
});

async function started(options: Omit<RealRegistryOptions, 'directory'> = {}) {
  const directory = temporaryDirectory();
  const registry = await startRealRegistry({ directory, ...options });
  onTestFinished(() => registry.close());
  return { ...registry, directory };
}

/** A proxy that passes on requests of a limited size, as nginx does; gives its address. */
async function limiting(host: string, limit: number, methods: string[]): Promise<string> {
  const server = http.createServer((incoming, response) => {
    methods.push(incoming.method ?? '');
    if (Number(incoming.headers['content-length'] ?? 0) > limit) {
      response.writeHead(413, { 'content-type': 'text/html', connection: 'close' }).end('<html>413');
      return;
    }
    const [hostname, port] = host.split(':');
    const { method, url: path, headers } = incoming;
    const outgoing = http.request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** A way to a registry whose first connections are lost after so many bytes; gives its address. */
async function lossy(host: string, limits: readonly number[]): Promise<string> {
  const [name, port] = host.split(':');
  const left = [...limits];
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), name);
    let bytes = 0;
    near.on('data', (chunk) => {
      bytes += chunk.byteLength;
      if (bytes <= (left[0] ?? Number.POSITIVE_INFINITY)) return;
      left.shift();
      near.resetAndDestroy();
      far.destroy();
    });
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
