import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { recorder, target } from '../support/registry-client.js';
import { descriptor, withBlob } from './downloading.js';

describe('pace', () => {
  it.each([
    ['in seconds', '0'],
    ['as a date', new Date(0).toUTCString()],
    ['absurd', '999999999999'],
    ['in no known form', 'whenever'],
    ['absent', undefined],
  ])('C06 a Retry-After that is %s leads to another try', async (_what, value) => {
    for (const status of [429, 503]) {
      const registry = await withBlob();
      busy(registry, 2, status, value);
      expect(await target(registry).exists(descriptor)).toBe(true);
      expect(registry.requests).toHaveLength(3);
    }
  });

  it('C06 is waited for as long as it says', async () => {
    const registry = await withBlob();
    busy(registry, 1, 429, '1');
    const { events, report } = recorder();
    const start = performance.now();
    await target(registry, { report }).exists(descriptor);
    // Not a measurement: a request that does not wait is answered by the same server in no time.
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(events).toEqual([{ type: 'waiting', what: expect.stringContaining(registry.host) }]);
  });

  it('C06 ends at once where more is asked than we wait', async () => {
    const registry = await withBlob();
    busy(registry, 9, 429, '3600');
    await expect(target(registry).exists(descriptor)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('3600 s'),
    });
    expect(registry.requests).toHaveLength(1);
  });

  it.each([
    [429, 'RATE_LIMITED'],
    [503, 'REGISTRY_UNAVAILABLE'],
  ])('C06 %s without end is given up as %s', async (status, code) => {
    const registry = await withBlob();
    busy(registry, 99, status, undefined);
    await expect(target(registry).exists(descriptor)).rejects.toMatchObject({ code });
    expect(registry.requests).toHaveLength(5);
  });

  it('C06 one answer holds back all requests to that host', async () => {
    const registry = await withBlob();
    const repository = target(registry);
    await repository.exists(descriptor);
    busy(registry, 1, 429, '1');
    const first = repository.exists(descriptor);
    await expect.poll(() => registry.requests.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const others = Array.from({ length: 4 }, () => repository.exists(descriptor));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(registry.requests).toHaveLength(2);
    await Promise.all([first, ...others]);
    expect(registry.requests).toHaveLength(7);
  });

  it('C07 a request whose connection is lost is sent again, and given up in the end', async () => {
    const registry = await withBlob();
    const lose = (_request: RecordedRequest, response: ServerResponse) => void response.destroy();
    registry.scriptTimes(2, () => true, lose);
    const repository = target(registry, { plainHttp: () => true });
    expect(await repository.exists(descriptor)).toBe(true);
    registry.scriptTimes(99, () => true, lose);
    await expect(repository.exists(descriptor)).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(registry.requests).toHaveLength(3 + 5);
  });

  it('C09 a server that does not answer is given up', async () => {
    const registry = await withBlob();
    registry.script(() => 'handled');
    const limits = { idleMs: 30, tries: 2 };
    await expect(target(registry, { limits }).exists(descriptor)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(registry.requests).toHaveLength(2);
  });

  it('says that nobody is there', async () => {
    const options: Partial<RegistryClientOptions> = { limits: { tries: 2 } };
    await expect(target({ host: '127.0.0.1:1' }, options).exists(descriptor)).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await expect(target({ host: 'no-such-host.invalid' }, options).exists(descriptor)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });
});

function busy(
  registry: ScriptedRegistry,
  times: number,
  status: number,
  retryAfter: string | undefined,
): void {
  registry.scriptTimes(
    times,
    () => true,
    (_request, response) => {
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      response.writeHead(status).end();
    },
  );
}
