import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copy, type Target } from '../../src/content/index.js';
import type { CredentialSource } from '../../src/credentials/index.js';
import { isReferrersTag } from '../../src/oci/index.js';
import { startTokenService } from '../../src/testing/index.js';
import { image, referrersConformance, targetConformance } from '../conformance/target.js';
import { pushArtifact, referrersOf } from '../support/artifact.js';
import { client, descriptorOf, logins, opens, read, reference, tagsOf } from '../support/registry-client.js';
import {
  type RealRegistry,
  type RealRegistryOptions,
  startRealRegistry,
} from '../support/registry-debian.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('the CNCF distribution registry, anonymous', () => {
  const repository = async () => {
    const { host } = await started();
    return client().repository(reference(host));
  };
  targetConformance(repository);
  // It has no referrers API: this is the list under the tag.
  referrersConformance(repository);

  it('loses none of what several programs attach at once', async () => {
    const { host } = await started();
    const { from, root } = await image('one');
    const clients = Array.from({ length: 6 }, () => client().repository(reference(host)));
    const [first] = clients as [Target];
    await copy(from, root, first, { tags: ['one'] });
    // This registry gets confused where the same blob comes for the first time from several sides at once.
    await pushArtifact(first, root, 'a/b', { at: '0' });
    const pushed = await Promise.all(
      clients.map((each, at) => pushArtifact(each, root, 'a/b', { at: String(at) })),
    );
    const found = (await referrersOf(first, root)).map(({ digest }) => digest);
    expect(found.sort()).toEqual(pushed.map(({ digest }) => digest).sort());
    expect((await tagsOf(first)).filter(isReferrersTag)).toEqual([root.digest.replace(':', '-')]);
  });

  it('takes and gives a blob of 40 MB', async () => {
    const { host } = await started();
    const target = client().repository(reference(host));
    const bytes = randomBytes(40 * 1024 * 1024);
    const descriptor = descriptorOf(bytes);
    await target.push(descriptor, opens(bytes, 1024 * 1024));
    expect((await read(target, descriptor)).equals(bytes)).toBe(true);
  });

  it('lists more than a thousand tags', async () => {
    const { host } = await started();
    const target = client().repository(reference(host));
    const { from, root } = await image('one');
    const tags = Array.from({ length: 1050 }, (_, at) => `t${String(at).padStart(4, '0')}`);
    await copy(from, root, target, { tags: [] });
    for (let at = 0; at < tags.length; at += 50)
      await Promise.all(tags.slice(at, at + 50).map((tag) => target.tag(root, tag)));
    expect((await tagsOf(target)).sort()).toEqual(tags);
  });
});

describe('the CNCF distribution registry, basic authentication', () => {
  const users = { ada: 'correct horse' };

  it('is used with the login, for pushing and pulling', async () => {
    const { host } = await started({ users });
    await roundTrip(host, logins({ [host]: 'ada:correct horse' }));
  });

  it('says which login it refused, and where none was found', async () => {
    const { host } = await started({ users });
    const wrong = client({ credentials: logins({ [host]: 'ada:battery staple' }) }).repository(
      reference(host),
    );
    await expect(wrong.resolve('x')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringMatching(/"ada".*\/home\/test\/auth\.json/),
    });
    const none = client().repository(reference(host));
    await expect(none.resolve('x')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining(`No credentials for ${host}`),
    });
  });
});

describe('the CNCF distribution registry, over TLS', () => {
  it('C13 is trusted by the authority that was named, on loopback without being told about TLS', async () => {
    const authority = new Authority(temporaryDirectory());
    const { host } = await started({ tls: authority.issue('IP:127.0.0.1'), users: { ada: 'horse' } });
    await roundTrip(host, logins({ [host]: 'ada:horse' }), authority.certificate.cert);
  });

  it('C13 is trusted by the authority that the environment names', async () => {
    const directory = temporaryDirectory();
    const authority = new Authority(directory);
    const { host } = await started({ tls: authority.issue('IP:127.0.0.1') });
    const program = `${directory}/program.mjs`;
    await build({
      stdin: {
        contents: programAsking(host),
        resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
      logLevel: 'silent',
    });
    const run = (env: Record<string, string>) =>
      execFileSync(process.execPath, [program], { env, encoding: 'utf8' });
    expect(run({})).toBe('TLS_FAILED\n');
    expect(run({ NODE_EXTRA_CA_CERTS: authority.certificate.certFile })).toBe('REFERENCE_NOT_FOUND\n');
  });

  it('C13 is refused without it', async () => {
    const authority = new Authority(temporaryDirectory());
    const { host } = await started({ tls: authority.issue('IP:127.0.0.1') });
    const target = client().repository(reference(host));
    await expect(target.resolve('x')).rejects.toMatchObject({ code: 'TLS_FAILED' });
  });
});

describe('the CNCF distribution registry, tokens', () => {
  const refresh = (token: string, username = ''): CredentialSource => ({
    places: [],
    find: async () => ({ kind: 'identityToken', username, token, origin: 'a test' }),
  });

  it('is used with a login, an identity token, or anonymously, as each is allowed', async () => {
    const { host, service } = await withTokens();
    await roundTrip(host, logins({ [host]: 'ada:horse' }));
    await roundTrip(host, refresh('r-e-f-r-e-s-h'));
    expect(service.requests.map(({ method, user }) => `${method} ${user}`)).toContain('POST ada');
    const anonymous = client().repository(reference(host));
    expect(await tagsOf(anonymous)).toEqual(['one']);
    const { from, root } = await image('two');
    await expect(copy(from, root, anonymous, { tags: [] })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('asks once for a token that parallel requests need, and uses it again', async () => {
    const { host, service } = await withTokens();
    await roundTrip(host, logins({ [host]: 'ada:horse' }));
    const before = service.requests.length;
    const target = client({ credentials: logins({ [host]: 'ada:horse' }) }).repository(reference(host));
    await Promise.all(Array.from({ length: 6 }, () => target.resolve('one')));
    await target.resolve('one');
    expect(service.requests.slice(before).map(({ scopes }) => scopes)).toEqual([
      ['repository:acme/engine:pull'],
    ]);
  });

  it('C01 says so when the token service refuses the login', async () => {
    const { host } = await withTokens();
    const target = client({ credentials: logins({ [host]: 'ada:wrong' }) }).repository(reference(host));
    await expect(target.resolve('one')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining('"ada"'),
    });
  });
});

/** A program that asks for a manifest which is not there and prints the code of the error. */
function programAsking(host: string): string {
  return `
    import { noCredentials } from './src/credentials/index.js';
    import { createRegistryClient } from './src/registry/index.js';
    const client = createRegistryClient({
      credentials: noCredentials, plainHttp: () => undefined, userAgent: 'engineshed-test',
    });
    const reference = { transport: 'registry', registry: ${JSON.stringify(host)}, repository: 'acme/engine' } as const;
    client.repository(reference).resolve('missing').catch((error) => console.log(error.code));
  `;
}

async function started(options: Omit<RealRegistryOptions, 'directory'> = {}): Promise<RealRegistry> {
  const registry = await startRealRegistry({ directory: temporaryDirectory(), ...options });
  onTestFinished(() => registry.close());
  return registry;
}

async function withTokens() {
  const authority = new Authority(temporaryDirectory());
  const service = await startTokenService({
    certificate: authority.certificate,
    service: 'test registry, the "real" one',
    issuer: 'tests',
    users: { ada: 'horse' },
    refreshTokens: { 'r-e-f-r-e-s-h': 'ada' },
    allows: (user, _repository, action) => user === 'ada' || action === 'pull',
  });
  onTestFinished(() => service.close());
  const { host } = await started({
    token: {
      realm: service.realm,
      service: 'test registry, the "real" one',
      issuer: 'tests',
      certFile: authority.certificate.certFile,
    },
  });
  return { host, service };
}

async function roundTrip(host: string, credentials: CredentialSource, ca?: string): Promise<void> {
  const target = client({ credentials, ca }).repository(reference(host));
  const { from, root, tag } = await image('one');
  await copy(from, root, target, { tags: [tag] });
  expect(await target.resolve('one')).toMatchObject({ digest: root.digest });
  expect(await tagsOf(target)).toEqual(['one']);
}
