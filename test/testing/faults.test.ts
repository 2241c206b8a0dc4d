import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  captivePortal,
  cutBody,
  cutUpload,
  drip,
  dropUploads,
  endlessPages,
  failWith,
  foreignLocations,
  ignoreRange,
  loopingPages,
  loseUploads,
  lyingDigest,
  noAnswer,
  noHead,
  noMount,
  noReferrers,
  otherETag,
  redirectBlobs,
  type Script,
  ScriptedRegistry,
  sha256,
  wrongContent,
  wrongRange,
} from '../../src/testing/index.js';
import { manifestBytes } from '../support/registry-client.js';

const blob = randomBytes(10_000);
const digest = sha256(blob);
const blobPath = `/v2/acme/engine/blobs/${digest}`;
const uploads = '/v2/acme/engine/blobs/uploads/';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

describe('ready-made faults: what is answered', () => {
  it('failWith refuses, a number of times, with Retry-After', async () => {
    const registry = await withFault(failWith({ status: 429, retryAfter: '7', times: 1 }));
    const refused = await ask(registry, 'GET', blobPath);
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    expect(JSON.parse(refused.body.toString()).errors[0].code).toBe('TOOMANYREQUESTS');
    expect((await ask(registry, 'GET', blobPath)).body).toEqual(blob);
  });

  it('a fault strikes what the occasion says, and nothing else', async () => {
    const registry = await withFault(
      failWith({ status: 503, which: ({ kind, reference }) => kind === 'manifest' && reference === 'one' }),
    );
    expect(await ask(registry, 'GET', '/v2/acme/engine/manifests/one')).toMatchObject({ status: 503 });
    expect(await ask(registry, 'GET', '/v2/acme/engine/manifests/two')).toMatchObject({ status: 200 });
    expect(await ask(registry, 'GET', blobPath)).toMatchObject({ status: 200 });
  });

  it('captivePortal answers everything with a page', async () => {
    const registry = await withFault(captivePortal());
    const { status, headers, body } = await ask(registry, 'GET', '/v2/');
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
    });
    expect(body.toString()).toMatch(/^<!doctype html>/);
  });

  it('wrongContent flips one bit', async () => {
    const registry = await withFault(wrongContent({ at: 5000, times: 1 }));
    const { body } = await ask(registry, 'GET', blobPath);
    const wrong = [...body].flatMap((byte, at) => (byte === blob[at] ? [] : [at]));
    expect({ size: body.byteLength, wrong }).toEqual({ size: blob.byteLength, wrong: [5000] });
    expect((await ask(registry, 'GET', blobPath)).body).toEqual(blob);
  });

  it('lyingDigest names another digest', async () => {
    const registry = await withFault(lyingDigest());
    const { headers, status } = await ask(registry, 'HEAD', '/v2/acme/engine/manifests/one');
    expect(status).toBe(200);
    expect(headers['docker-content-digest']).not.toBe(sha256(manifestBytes));
  });

  it('otherETag names another one each time', async () => {
    const registry = await withFault(otherETag());
    const tags = [await ask(registry, 'GET', blobPath), await ask(registry, 'GET', blobPath)];
    expect(new Set(tags.map(({ headers }) => headers.etag)).size).toBe(2);
  });

  it('wrongRange answers another one', async () => {
    const registry = await withFault(wrongRange());
    const { headers, body } = await ask(registry, 'GET', blobPath, { range: 'bytes=100-' });
    expect(headers['content-range']).toBe('bytes 101-9999/10000');
    expect(body).toEqual(blob.subarray(101));
  });

  it('redirectBlobs sends to an origin that may have the same contents', async () => {
    const registry = await started();
    const storage = await ScriptedRegistry.start({ contents: registry.contents });
    onTestFinished(() => storage.close());
    registry.script(redirectBlobs(storage.url));
    const { status, headers } = await ask(registry, 'GET', blobPath);
    expect(status).toBe(307);
    const answer = await fetch(String(headers.location));
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(blob);
    expect(storage.log).toEqual([`GET ${blobPath}`]);
  });

  it('foreignLocations names uploads and pages elsewhere', async () => {
    const registry = await withFault(foreignLocations('http://elsewhere.test'));
    expect((await ask(registry, 'POST', uploads)).headers.location).toMatch(
      /^http:\/\/elsewhere\.test\/v2\//,
    );
    expect((await ask(registry, 'GET', '/v2/acme/engine/tags/list?n=1')).headers.link).toBe(
      '<http://elsewhere.test/v2/acme/engine/tags/list?n=1&last=one>; rel="next"',
    );
  });

  it('endlessPages has always one more', async () => {
    const registry = await withFault(endlessPages());
    let path = '/v2/acme/engine/tags/list';
    const seen: string[] = [];
    for (let page = 0; page < 5; page++) {
      const { headers, body } = await ask(registry, 'GET', path);
      seen.push(...JSON.parse(body.toString()).tags);
      path = /<(.*)>/.exec(String(headers.link))?.[1] ?? '';
    }
    expect(seen).toEqual(['tag-1', 'tag-2', 'tag-3', 'tag-4', 'tag-5']);
  });

  it('loopingPages names the same page again', async () => {
    const registry = await withFault(loopingPages());
    expect((await ask(registry, 'GET', '/v2/acme/engine/tags/list?n=1')).headers.link).toBe(
      '</v2/acme/engine/tags/list?n=1>; rel="next"',
    );
  });
});

describe('ready-made faults: the connection', () => {
  it.each(['reset', 'end'] as const)('cutBody ends after so many bytes (%s)', async (by) => {
    const registry = await withFault(cutBody({ after: 4000, by, times: 1 }));
    const { body, whole, headers } = await ask(registry, 'GET', blobPath);
    expect(headers['content-length']).toBe('10000');
    expect({ body, whole }).toEqual({ body: blob.subarray(0, 4000), whole: false });
    expect((await ask(registry, 'GET', blobPath)).body).toEqual(blob);
  });

  it('cutBody counts from the start of a range', async () => {
    const registry = await withFault(cutBody({ after: 10 }));
    const { body } = await ask(registry, 'GET', blobPath, { range: 'bytes=9000-' });
    expect(body).toEqual(blob.subarray(9000, 9010));
  });

  it('drip sends all in pieces', async () => {
    const registry = await withFault(drip({ bytes: 3000, everyMs: 5 }));
    expect(await ask(registry, 'GET', blobPath)).toMatchObject({ body: blob, whole: true });
  });

  it('noAnswer keeps silent', async () => {
    const registry = await withFault(noAnswer());
    const asked = ask(registry, 'GET', blobPath);
    const first = await Promise.race([asked, ask(registry, 'GET', '/v2/').then(() => 'the other')]);
    expect(first).toBe('the other');
    asked.catch(() => {});
  });

  it('cutUpload keeps what came', async () => {
    const registry = await withFault(cutUpload({ after: 1, times: 1 }));
    const location = String((await ask(registry, 'POST', uploads)).headers.location);
    await expect(ask(registry, 'PATCH', location, {}, blob)).rejects.toThrow();
    expect([...registry.contents.uploads.values()].map(({ byteLength }) => byteLength)).toEqual([1]);
    expect((await ask(registry, 'GET', location)).headers.range).toBe('0-0');
  });
});

describe('ready-made faults: what a registry has not', () => {
  it('ignoreRange sends the whole', async () => {
    const registry = await withFault(ignoreRange());
    const { status, body } = await ask(registry, 'GET', blobPath, { range: 'bytes=100-' });
    expect({ status, body }).toEqual({ status: 200, body: blob });
    expect(registry.requests[0]?.headers.range).toBe('bytes=100-');
  });

  it('noHead takes no HEAD', async () => {
    const registry = await withFault(noHead());
    expect((await ask(registry, 'HEAD', blobPath)).status).toBe(405);
    expect((await ask(registry, 'GET', blobPath)).status).toBe(200);
  });

  it('noReferrers has neither the list nor the header', async () => {
    const referrer = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers: [], subject: { digest } }),
    );
    const push = (registry: ScriptedRegistry) =>
      ask(registry, 'PUT', '/v2/acme/engine/manifests/two', { 'content-type': manifestType }, referrer);
    const [with_, without] = [await started(), await withFault(noReferrers())];
    expect((await push(with_)).headers['oci-subject']).toBe(digest);
    expect((await push(without)).headers['oci-subject']).toBeUndefined();
    const list = `/v2/acme/engine/referrers/${digest}`;
    expect(JSON.parse((await ask(with_, 'GET', list)).body.toString()).manifests).toHaveLength(1);
    expect((await ask(without, 'GET', list)).status).toBe(404);
  });

  it('noMount begins an upload', async () => {
    const registry = await started();
    const mount = `/v2/other/engine/blobs/uploads/?mount=${digest}&from=acme/engine`;
    expect((await ask(registry, 'POST', mount)).status).toBe(201);
    registry.script(noMount());
    const { status, headers } = await ask(registry, 'POST', mount);
    expect({ status, location: headers.location }).toEqual({
      status: 202,
      location: expect.stringContaining('/v2/other/engine/blobs/uploads/'),
    });
  });
});

describe('ready-made faults: uploads', () => {
  const other = randomBytes(100);

  it('loseUploads forgets the session for good', async () => {
    const registry = await withFault(loseUploads({ times: 1 }));
    const location = String((await ask(registry, 'POST', uploads)).headers.location);
    expect((await ask(registry, 'PATCH', location, {}, other)).status).toBe(404);
    expect((await ask(registry, 'PATCH', location, {}, other)).status).toBe(404);
    expect(registry.contents.uploads.size).toBe(0);
  });

  it('dropUploads says 201 and has nothing', async () => {
    const registry = await withFault(dropUploads({ times: 1 }));
    const push = () => ask(registry, 'POST', `${uploads}?digest=${sha256(other)}`, {}, other);
    expect((await push()).status).toBe(201);
    expect((await ask(registry, 'HEAD', `/v2/acme/engine/blobs/${sha256(other)}`)).status).toBe(404);
    expect((await push()).status).toBe(201);
    expect((await ask(registry, 'HEAD', `/v2/acme/engine/blobs/${sha256(other)}`)).status).toBe(200);
  });
});

/** A registry with a blob and a manifest that has two tags. */
async function started(): Promise<ScriptedRegistry> {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  registry.contents.addBlob(blob, 'acme/engine');
  for (const tag of ['one', 'two'])
    registry.contents.addManifest('acme/engine', manifestType, manifestBytes, tag);
  return registry;
}

async function withFault(script: Script): Promise<ScriptedRegistry> {
  const registry = await started();
  registry.script(script);
  return registry;
}

/** Asks without a client in between, on a connection of its own; a body that is cut is no error, a missing answer is one. */
function ask(
  { url }: ScriptedRegistry,
  method: string,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  content?: Buffer,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      // Some versions of Node tell of a body that is cut at both.
      request.off('error', reject).on('error', () => {});
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', () => {});
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          whole: response.complete,
        }),
      );
    });
    request.on('error', reject);
    request.end(content);
  });
}
