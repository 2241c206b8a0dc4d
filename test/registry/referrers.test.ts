import { describe, expect, it } from 'vitest';
import { copy, memoryTarget } from '../../src/content/index.js';
import {
  type Descriptor,
  type Digest,
  describe as describeBytes,
  isReferrersTag,
  mediaTypes,
  referrersTag,
} from '../../src/oci/index.js';
import { noReferrers, refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { artifact, pushArtifact, referrersOf } from '../support/artifact.js';
import { manifestBytes, scripted, target } from '../support/registry-client.js';

const subject = describeBytes(mediaTypes.imageManifest, manifestBytes);
const tag = referrersTag(subject.digest);
const tagPath = `/v2/acme/engine/manifests/${tag}`;
const apiPath = `/v2/acme/engine/referrers/${subject.digest}`;

/** A registry that has the subject and no referrers API. */
async function withoutApi(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.script(noReferrers());
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'edge');
  return registry;
}

/** The list under the referrers tag. */
function listOf({ contents }: ScriptedRegistry): { manifests: Descriptor[] } {
  const repository = contents.repository('acme/engine');
  const digest = repository.tags.get(tag) ?? '';
  return JSON.parse(repository.manifests.get(digest)?.bytes.toString() ?? '{"manifests":[]}');
}

function putList({ contents }: ScriptedRegistry, manifests: readonly object[], more: object = {}): void {
  const list = { schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests, ...more };
  contents.addManifest('acme/engine', mediaTypes.imageIndex, Buffer.from(JSON.stringify(list)), tag);
}

/** The entry of a manifest that refers to the subject. */
function entry(name: string): Descriptor {
  return { ...artifact(subject, 'a/b', { name }).descriptor, artifactType: 'a/b' };
}

/** Puts such a manifest into a registry. */
function putEntry({ contents }: ScriptedRegistry, name: string): Descriptor {
  contents.addManifest('acme/engine', mediaTypes.imageManifest, artifact(subject, 'a/b', { name }).bytes);
  return entry(name);
}

const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest).sort();

/** Answers requests of one address. */
function answers(registry: ScriptedRegistry, path: string, status: number, body: string, type: string): void {
  registry.script((request, response) => {
    if (request.path !== path) return undefined;
    response.writeHead(status, { 'content-type': type }).end(body);
    return 'handled';
  });
}

describe('the referrers tag', () => {
  it('has the digits of the digest, at most 64', () => {
    expect(tag).toBe(subject.digest.replace(':', '-'));
    expect(referrersTag(`sha512:${'ab'.repeat(64)}` as Digest)).toBe(`sha512-${'ab'.repeat(32)}`);
    for (const one of [tag, `${tag}.sig`]) expect(isReferrersTag(one)).toBe(true);
    for (const other of ['sha256-abc', 'edge', `x${tag}`, tag.toUpperCase()])
      expect(isReferrersTag(other)).toBe(false);
  });
});

describe('listing referrers', () => {
  it('follows the pages of the API and filters what the registry does not', async () => {
    const registry = await scripted();
    const to = target(registry);
    const pushed: Descriptor[] = [];
    for (let at = 0; at < 130; at++)
      pushed.push(await pushArtifact(to, subject, at % 2 === 0 ? 'a/even' : 'a/odd', { at: `${at}` }));
    expect(digests(await referrersOf(to, subject))).toEqual(digests(pushed));
    expect(await referrersOf(to, subject, 'a/odd')).toHaveLength(65);
    const asked = registry.requests.filter(({ path }) => path === apiPath);
    expect(asked.some(({ query }) => query.get('artifactType') === 'a/odd')).toBe(true);
    const manifests = [entry('one'), { ...entry('two'), artifactType: 'a/c' }];
    answers(registry, apiPath, 200, JSON.stringify({ schemaVersion: 2, manifests }), mediaTypes.imageIndex);
    expect(await referrersOf(to, subject, 'a/c')).toMatchObject([{ digest: entry('two').digest }]);
  });

  it('takes null for none, as some registries write it', async () => {
    const registry = await scripted();
    answers(registry, apiPath, 200, '{"schemaVersion":2,"manifests":null}', 'application/json');
    expect(await referrersOf(target(registry), subject)).toEqual([]);
  });

  it.each([400, 404, 405, 406, 501])('falls back to the tag after %d', async (status) => {
    const registry = await withoutApi();
    registry.script((request, response) => {
      if (request.path !== apiPath) return undefined;
      refuse(response, status, 'UNSUPPORTED', 'no');
      return 'handled';
    });
    expect(await referrersOf(target(registry), subject)).toEqual([]);
    putList(registry, [entry('one'), entry('one'), { ...entry('two'), artifactType: 'a/c' }]);
    expect(await referrersOf(target(registry), subject)).toHaveLength(2);
    expect(await referrersOf(target(registry), subject, 'a/c')).toHaveLength(1);
  });

  it.each([
    [404, 'text/html'],
    [429, 'text/plain'],
    [200, 'text/html'],
  ])('falls back to the tag where the registry leads to a web site that answers %d', async (status, type) => {
    const registry = await withoutApi();
    putList(registry, [entry('one')]);
    const site = await scripted();
    site.script((_request, response) => {
      response.writeHead(status, { 'content-type': type, 'retry-after': '3600' }).end('<html>');
      return 'handled';
    });
    registry.script((request, response) => {
      if (request.path !== apiPath) return undefined;
      response.writeHead(303, { location: `${site.url}/-/v2/packages` }).end();
      return 'handled';
    });
    expect(await referrersOf(target(registry), subject)).toHaveLength(1);
    expect(site.requests).toHaveLength(1);
  });

  it('reads the list again after 500, which a registry answers while the tag is half written', async () => {
    const registry = await withoutApi();
    putList(registry, [entry('one')]);
    registry.scriptTimes(
      2,
      ({ path }) => path === tagPath,
      (_request, response) => refuse(response, 500, 'UNKNOWN', 'unknown error'),
    );
    expect(await referrersOf(target(registry), subject)).toHaveLength(1);
  });

  it('C12 says that a web page came', async () => {
    const registry = await scripted();
    answers(registry, apiPath, 200, '<html>log in</html>', 'text/html');
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it.each([403, 500])('fails after %d, which does not say that there are none', async (status) => {
    const registry = await withoutApi();
    putList(registry, [entry('one')]);
    answers(registry, apiPath, status, '', 'text/plain');
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
      code: status === 403 ? 'FORBIDDEN' : 'REGISTRY_UNAVAILABLE',
    });
  });

  it('C04 C05 follows no page to elsewhere and none round in a circle', async () => {
    for (const link of ['https://evil.example/v2/x', apiPath]) {
      const registry = await scripted();
      registry.script((request, response) => {
        if (request.path !== apiPath) return undefined;
        response.writeHead(200, { link: `<${link}>; rel="next"` }).end('{"schemaVersion":2,"manifests":[]}');
        return 'handled';
      });
      await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
        code: 'RESPONSE_INVALID',
      });
      expect(registry.requests.length).toBeLessThan(4);
    }
  });

  it('F03 stops at 10,000 referrers, on pages and in one list', async () => {
    const paged = await scripted();
    let page = 0;
    paged.script((request, response) => {
      if (request.path !== apiPath) return undefined;
      const manifests = Array.from({ length: 1000 }, (_, at) => entry(`${page} ${at}`));
      response
        .writeHead(200, { link: `<${apiPath}?page=${++page}>; rel="next"` })
        .end(JSON.stringify({ schemaVersion: 2, manifests }));
      return 'handled';
    });
    await expect(referrersOf(target(paged), subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('more than 10000 referrers'),
    });
    expect(page).toBe(11);
    const whole = await withoutApi();
    putList(
      whole,
      Array.from({ length: 10_001 }, (_, at) => entry(`${at}`)),
    );
    await expect(referrersOf(target(whole), subject)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('F03 B02 stops reading a list at 4 MiB', async () => {
    const registry = await withoutApi();
    putList(registry, [], { annotations: { large: 'x'.repeat(5 * 1024 * 1024) } });
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
    const blanks = ' '.repeat(5 * 1024 * 1024);
    answers(registry, apiPath, 200, `{"schemaVersion":2,"manifests":[]}${blanks}`, mediaTypes.imageIndex);
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('have more than 4194304 bytes'),
    });
  });

  it('takes no other thing for a list', async () => {
    const registry = await withoutApi();
    registry.contents.addManifest(
      'acme/engine',
      mediaTypes.imageManifest,
      artifact(subject, 'a/b').bytes,
      tag,
    );
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('is no list of referrers'),
    });
    answers(
      registry,
      apiPath,
      200,
      '{"schemaVersion":2,"manifests":[{"digest":"x"}]}',
      mediaTypes.imageIndex,
    );
    await expect(referrersOf(target(registry), subject)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('takes the children of an index for no referrers where a registry takes the tag for its digest', async () => {
    const registry = await withoutApi();
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests: [entry('child')] }),
    );
    const root = describeBytes(mediaTypes.imageIndex, index);
    registry.contents.addManifest('acme/engine', root.mediaType, index, referrersTag(root.digest));
    expect(await referrersOf(target(registry), root)).toEqual([]);
  });
});

describe('pushing what refers to an image', () => {
  it('leaves the list to a registry with the API, also where it does not say that it keeps one', async () => {
    const registry = await scripted();
    await pushArtifact(target(registry), subject, 'a/b');
    expect(registry.log.some((line) => line.includes('/referrers/'))).toBe(false);
    const silent = await scripted();
    silent.script((_request, response) => {
      const writeHead = response.writeHead.bind(response);
      response.writeHead = ((status: number, headers: Record<string, string>) => {
        const { 'oci-subject': _left, ...others } = headers ?? {};
        return writeHead(status, others);
      }) as typeof response.writeHead;
      return undefined;
    });
    await pushArtifact(target(silent), subject, 'a/b');
    expect([...silent.contents.repository('acme/engine').tags.keys()]).toEqual([]);
  });

  it('keeps what others wrote into the list, each entry once', async () => {
    const registry = await withoutApi();
    const other = { ...putEntry(registry, 'one'), annotations: { theirs: 'x' }, 'x-unknown': 1 };
    putList(registry, [other, other], { annotations: { owner: 'them' } });
    const ours = await pushArtifact(target(registry), subject, 'a/c', { k: 'v' });
    expect(listOf(registry)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.imageIndex,
      annotations: { owner: 'them' },
      manifests: [other, { ...ours, artifactType: 'a/c', annotations: { k: 'v' } }],
    });
    const before = registry.requests.length;
    await pushArtifact(target(registry), subject, 'a/c', { k: 'v' });
    expect(registry.log.slice(before)).not.toContain(`PUT ${tagPath}`);
  });

  it('leaves out what is not there any more, where the registry takes no list that names it', async () => {
    const registry = await withoutApi();
    const there = putEntry(registry, 'there');
    putList(registry, [entry('deleted'), there]);
    const ours = await pushArtifact(target(registry), subject, 'a/b');
    expect(digests(listOf(registry).manifests)).toEqual(digests([there, ours]));
  });

  it('sends a condition where the registry gave an entity tag, and reads again where it is refused', async () => {
    const registry = await withoutApi();
    putList(registry, [putEntry(registry, 'one')]);
    let isFirst = true;
    registry.script(({ path, method, headers }) => {
      if (path !== tagPath || method !== 'PUT') return undefined;
      expect(headers['if-match']).toMatch(/^"sha256:/);
      if (isFirst) putList(registry, [entry('one'), putEntry(registry, 'meanwhile')]);
      isFirst = false;
      return undefined;
    });
    const ours = await pushArtifact(target(registry), subject, 'a/b');
    expect(digests(listOf(registry).manifests)).toEqual(digests([entry('one'), entry('meanwhile'), ours]));
  });

  it('brings back what a writer who did not look has overwritten, also after it was seen to be there', async () => {
    for (const overwriteAtRead of [2, 3]) {
      const registry = await withoutApi();
      putList(registry, [putEntry(registry, 'one')]);
      let reads = 0;
      registry.script((request) => {
        if (request.path !== tagPath || request.method !== 'GET') return undefined;
        reads++;
        // He read the list before any of us wrote, and writes now.
        if (reads === overwriteAtRead) putList(registry, [putEntry(registry, 'theirs')]);
        return undefined;
      });
      const ours = await pushArtifact(target(registry), subject, 'a/b');
      expect(digests(listOf(registry).manifests)).toEqual(digests([entry('one'), entry('theirs'), ours]));
    }
  });

  it('makes no condition of a weak entity tag, which holds for none', async () => {
    const registry = await withoutApi();
    putList(registry, [putEntry(registry, 'one')]);
    registry.script(async (request, response, proper) => {
      if (request.path !== tagPath || request.method !== 'GET') return undefined;
      const answer = await proper();
      if (answer === undefined) return 'handled';
      const headers = { ...answer.headers, etag: `W/${answer.headers.etag}` };
      response.writeHead(answer.status, headers).end(answer.body);
      return 'handled';
    });
    const ours = await pushArtifact(target(registry), subject, 'a/b');
    expect(digests(listOf(registry).manifests)).toEqual(digests([entry('one'), ours]));
    const writes = registry.requests.filter(({ method, path }) => method === 'PUT' && path === tagPath);
    expect(writes.map(({ headers }) => headers['if-match'])).toEqual([undefined]);
  });

  it('loses none of what several programs push at once', async () => {
    const registry = await withoutApi();
    const pushed = await Promise.all(
      Array.from({ length: 6 }, (_, at) => pushArtifact(target(registry), subject, 'a/b', { at: `${at}` })),
    );
    expect(digests(listOf(registry).manifests)).toEqual(digests(pushed));
  });

  it('says so where others never let it be', async () => {
    const registry = await withoutApi();
    let reads = 0;
    registry.script((request) => {
      if (request.path !== tagPath || request.method !== 'GET') return undefined;
      putList(registry, [putEntry(registry, `${reads++}`)]);
      return undefined;
    });
    await expect(pushArtifact(target(registry), subject, 'a/b')).rejects.toMatchObject({
      code: 'REFERRERS_CONFLICT',
    });
    const { descriptor } = artifact(subject, 'a/b');
    expect(registry.contents.repository('acme/engine').manifests.has(descriptor.digest)).toBe(true);
    expect(registry.log.filter((line) => line === `PUT ${tagPath}`)).toHaveLength(10);
  });

  it('says so where the registry takes the tag for the digest, and so keeps no list', async () => {
    const registry = await withoutApi();
    registry.script((request, response) => {
      if (request.path !== tagPath || request.method !== 'GET') return undefined;
      response.writeHead(200, { 'content-type': mediaTypes.imageManifest }).end(manifestBytes);
      return 'handled';
    });
    await expect(pushArtifact(target(registry), subject, 'a/b')).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('no referrers API'),
    });
  });

  it('overwrites nothing that is no list', async () => {
    const registry = await withoutApi();
    const other = artifact(subject, 'a/other');
    registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, other.bytes, tag);
    await expect(pushArtifact(target(registry), subject, 'a/b')).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
    expect(registry.contents.repository('acme/engine').tags.get(tag)).toBe(other.descriptor.digest);
  });

  it('is tried again by a copy, although the manifest is there', async () => {
    const registry = await withoutApi();
    const from = memoryTarget();
    const ours = await pushArtifact(from, subject, 'a/b');
    registry.scriptTimes(
      1,
      ({ method, path }) => method === 'PUT' && path === tagPath,
      (_request, response) => refuse(response, 403, 'DENIED', 'no'),
    );
    await expect(copy(from, ours, target(registry), { tags: [] })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await copy(from, ours, target(registry), { tags: [] });
    expect(digests(listOf(registry).manifests)).toEqual(digests([ours]));
  });
});
