import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { forwardProxy } from '../support/forward-proxy.js';
import { client, logins, manifestBytes, reference, scripted } from '../support/registry-client.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

async function plainRegistry(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
  return registry;
}

/** A port that speaks TLS in front of a registry that does not. */
async function front(
  registry: ScriptedRegistry,
  options: tls.TlsOptions,
): Promise<{ host: string; seen: tls.PeerCertificate[] }> {
  const seen: tls.PeerCertificate[] = [];
  const sockets = new Set<Socket>();
  const server = tls.createServer(options, (socket) => {
    seen.push(socket.getPeerCertificate());
    const upstream = net.connect(Number(registry.host.split(':')[1]), '127.0.0.1');
    for (const one of [socket, upstream]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function secure(options: tls.TlsOptions = {}) {
  const authority = new Authority(temporaryDirectory());
  const registry = await plainRegistry();
  const { key, cert } = authority.issue('IP:127.0.0.1');
  return { authority, registry, ...(await front(registry, { key, cert, ...options })) };
}

function resolving(host: string, options: Partial<RegistryClientOptions>) {
  return client({ plainHttp: () => false, limits: { tries: 2 }, ...options })
    .repository(reference(host))
    .resolve('one');
}

/** A directory like `/etc/containers/certs.d`, with files for one host. */
function certificates(host: string, files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  mkdirSync(`${directory}/${host}`);
  for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/${host}/${name}`, text);
  return directory;
}

describe('a private authority', () => {
  it('C13 is trusted for the host in whose directory it stands, and for no other', async () => {
    const { authority, host } = await secure();
    const { cert } = authority.certificate;
    const empty = temporaryDirectory();
    const own = certificates(host, { 'ca.crt': cert, 'README.md': 'nothing' });
    await expect(resolving(host, { certificateDirectories: [empty, own] })).resolves.toBeDefined();
    // A port of its own is another host; a name alone stands for https's own port.
    for (const other of ['127.0.0.1:1', '127.0.0.1']) {
      const others = certificates(other, { 'ca.crt': cert });
      await expect(resolving(host, { certificateDirectories: [others] })).rejects.toMatchObject({
        code: 'TLS_FAILED',
        hint: expect.stringContaining(`~/.config/containers/certs.d/${host}/ca.crt`),
      });
    }
    const first = certificates(host, { 'other.crt': new Authority(temporaryDirectory()).certificate.cert });
    await expect(resolving(host, { certificateDirectories: [first, own] })).rejects.toMatchObject({
      code: 'TLS_FAILED',
    });
  });

  it('C13 is trusted by SSL_CERT_FILE, which takes the place of all others', async () => {
    const { authority, host } = await secure();
    const { certFile, cert } = authority.certificate;
    await expect(resolving(host, { environment: { SSL_CERT_FILE: certFile } })).resolves.toBeDefined();
    const other = new Authority(temporaryDirectory()).certificate.certFile;
    const environment = { SSL_CERT_FILE: other };
    await expect(resolving(host, { environment })).rejects.toMatchObject({ code: 'TLS_FAILED' });
    await expect(resolving(host, { environment, ca: cert })).resolves.toBeDefined();
    const extra = { SSL_CERT_FILE: other, NODE_EXTRA_CA_CERTS: certFile };
    await expect(resolving(host, { environment: extra })).resolves.toBeDefined();
  });

  it('C13 of NODE_EXTRA_CA_CERTS stays trusted beside one by option', async () => {
    const { authority, host } = await secure();
    const ca = new Authority(temporaryDirectory()).certificate.cert;
    await expect(resolving(host, { ca })).rejects.toMatchObject({ code: 'TLS_FAILED' });
    // Node reads the variable when it starts, and tells what it found from 22.15 on: here it is not set in the process.
    if ('getCACertificates' in tls) return;
    const environment = { NODE_EXTRA_CA_CERTS: authority.certificate.certFile };
    await expect(resolving(host, { ca, environment })).resolves.toBeDefined();
  });

  it('C13 is asked as the host that was named, which may be one of many there', async () => {
    const authority = new Authority(temporaryDirectory());
    const { key, cert } = authority.issue('DNS:localhost');
    const asked: string[] = [];
    const { host } = await front(await plainRegistry(), {
      key,
      cert,
      SNICallback: (name, found) => {
        asked.push(name);
        found(null);
      },
    });
    const named = host.replace('127.0.0.1', 'localhost');
    await expect(resolving(named, { ca: authority.certificate.cert })).resolves.toBeDefined();
    expect(asked).toEqual(['localhost']);
  });

  it.each([
    ['a file that is not there', { SSL_CERT_FILE: '/nowhere/ca.pem' }, 'SSL_CERT_FILE names /nowhere/ca.pem'],
    ['a file without certificates', { SSL_CERT_FILE: '/etc/hostname' }, '/etc/hostname has no certificate'],
  ])('is refused as %s', async (_what, environment, message) => {
    const { host } = await secure();
    await expect(resolving(host, { environment })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message),
    });
  });
});

describe('what TLS refuses', () => {
  it('C13 a certificate that signed itself', async () => {
    const { certificate } = new Authority(temporaryDirectory());
    const { host } = await front(await plainRegistry(), { key: certificate.key, cert: certificate.cert });
    await expect(resolving(host, {})).rejects.toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      hint: expect.stringContaining('certs.d'),
    });
  });

  it('C13 versions of TLS before 1.2', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const { authority, host, registry } = await secure(old);
    await expect(resolving(host, { ca: authority.certificate.cert })).rejects.toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringContaining('no TLS of version 1.2'),
    });
    expect(registry.requests).toEqual([]);
  });

  it('C13 what Node would be talked into by NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    const { host, registry } = await secure();
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    onTestFinished(() => {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    });
    const proxy = await forwardProxy({ names: { 'registry.example:443': host } });
    await expect(resolving(host, {})).rejects.toMatchObject({ code: 'TLS_FAILED' });
    const environment = { HTTPS_PROXY: proxy.url };
    await expect(resolving('registry.example', { environment })).rejects.toMatchObject({
      code: 'TLS_FAILED',
    });
    expect(registry.requests).toEqual([]);
  });
});

describe('a registry that wants a certificate of ours', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('C13 gets the one of its directory, over %s', async (version) => {
    const authority = new Authority(temporaryDirectory());
    const ours = authority.issue('DNS:client.example');
    const { key, cert } = authority.issue('IP:127.0.0.1');
    const { certificate } = authority;
    const demanding = {
      key,
      cert,
      ca: certificate.cert,
      requestCert: true,
      minVersion: version,
      maxVersion: version,
    };
    const registry = await plainRegistry();
    const { host, seen } = await front(registry, demanding);

    const without = certificates(host, { 'ca.crt': certificate.cert });
    await expect(resolving(host, { certificateDirectories: [without] })).rejects.toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringContaining(`certs.d/${host}/client.cert`),
    });
    expect(registry.requests).toEqual([]);

    const files = { 'ca.crt': certificate.cert, 'client.cert': ours.cert, 'client.key': ours.key };
    const directory = certificates(host, files);
    await expect(resolving(host, { certificateDirectories: [directory] })).resolves.toBeDefined();
    expect(seen.map(({ subjectaltname }) => subjectaltname)).toEqual(['DNS:client.example']);
  });

  it('C03 gets it alone: a host that it redirects to does not', async () => {
    const authority = new Authority(temporaryDirectory());
    const ours = authority.issue('DNS:client.example');
    const { key, cert } = authority.issue('IP:127.0.0.1');
    const asking = {
      key,
      cert,
      ca: authority.certificate.cert,
      requestCert: true,
      rejectUnauthorized: false,
    };
    const [registry, elsewhere] = [await plainRegistry(), await plainRegistry()];
    const [own, other] = [await front(registry, asking), await front(elsewhere, asking)];
    registry.script(({ path }, response) => {
      response.writeHead(307, { location: `https://${other.host}${path}` }).end();
      return 'handled';
    });
    const files = { 'client.cert': ours.cert, 'client.key': ours.key };
    const certificateDirectories = [certificates(own.host, files)];
    await resolving(own.host, { ca: authority.certificate.cert, certificateDirectories });
    expect(own.seen.map(({ subjectaltname }) => subjectaltname)).toEqual(['DNS:client.example']);
    expect(other.seen).toEqual([{}]);
  });

  it.each([
    ['a key without its certificate', { 'a.key': 'x' }, 'There is no a.cert in'],
    ['a certificate without its key', { 'a.cert': 'x' }, 'There is no a.key in'],
    ['an authority that is none', { 'a.crt': 'x' }, 'a.crt has no certificate in it'],
    [
      'a broken certificate',
      {
        'a.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        'b.cert': 'x',
        'b.key': 'x',
      },
      'cannot be used',
    ],
  ])('is not asked with %s', async (_what, files, message) => {
    const { host, registry } = await secure();
    await expect(
      resolving(host, { certificateDirectories: [certificates(host, files)] }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message),
    });
    expect(registry.requests).toEqual([]);
  });

  it('is not asked with a key that belongs to another certificate, and the key is not told', async () => {
    const { authority, host } = await secure();
    const [one, two] = [authority.issue('DNS:a.example'), authority.issue('DNS:b.example')];
    const directory = certificates(host, { 'a.cert': one.cert, 'a.key': two.key });
    const error = await resolving(host, { certificateDirectories: [directory] }).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`${directory}/${host}`),
    });
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('PRIVATE');
  });
});

describe('a registry that may be insecure', () => {
  /** Nothing but loopback is there in a test: other hosts are behind a proxy. */
  async function insecure(https: string | undefined, http: string, options: Partial<RegistryClientOptions>) {
    const names: Record<string, string> = {
      'registry.example:80': http,
      ...(https === undefined ? {} : { 'registry.example:443': https }),
    };
    const proxy = await forwardProxy({ names });
    const registries = [
      {
        prefix: 'registry.example',
        insecure: true,
        blocked: false,
        mirrors: [],
        origin: 'x',
        ofProject: false,
      },
    ];
    const target = client({
      environment: { ALL_PROXY: proxy.url },
      registries,
      limits: { tries: 2 },
      ...options,
    }).repository(reference('registry.example'));
    return { proxy, target, names };
  }

  it('is spoken to over verified TLS where it speaks that', async () => {
    const authority = new Authority(temporaryDirectory());
    const registry = await plainRegistry();
    const { key, cert } = authority.issue('DNS:registry.example');
    const { host } = await front(registry, { key, cert });
    const { target } = await insecure(host, registry.host, { ca: authority.certificate.cert });
    await target.resolve('one');
    expect(registry.requests).toHaveLength(1);
    const { target: untrusted, proxy } = await insecure(host, registry.host, {});
    await expect(untrusted.resolve('one')).rejects.toMatchObject({ code: 'TLS_FAILED' });
    await expect(untrusted.resolve('one')).rejects.toMatchObject({ code: 'TLS_FAILED' });
    expect(registry.requests).toHaveLength(1);
    expect(new Set(proxy.log)).toEqual(new Set(['CONNECT registry.example:443']));
  });

  it('C13 is not spoken to over http after its certificate was refused once', async () => {
    const registry = await plainRegistry();
    const { key, cert } = new Authority(temporaryDirectory()).issue('DNS:registry.example');
    const { host } = await front(registry, { key, cert });
    const { target, names } = await insecure(host, registry.host, {});
    await expect(target.resolve('one')).rejects.toMatchObject({ code: 'TLS_FAILED' });
    // Whoever is in between may break TLS off too, so that only http is left.
    names['registry.example:443'] = registry.host;
    await expect(target.resolve('one')).rejects.toMatchObject({ code: 'TLS_FAILED' });
    expect(registry.requests).toEqual([]);
  });

  it.each(['nothing', 'plain http'])(
    'C02 is spoken to over http where its TLS port has %s, without a login',
    async (what) => {
      const registry = await plainRegistry();
      registry.script(({ headers }, response) => {
        if (headers.host !== 'registry.example') return undefined;
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return 'handled';
      });
      const credentials = logins({ 'registry.example': 'ada:horse' });
      const https = what === 'nothing' ? undefined : registry.host;
      const { target } = await insecure(https, registry.host, { credentials });
      await expect(target.resolve('one')).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        hint: expect.stringContaining('not sent over plain http'),
      });
      expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    },
  );
});
