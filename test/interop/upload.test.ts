import { randomBytes } from 'node:crypto';
import * as net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { client, descriptorOf, opens, read, reference } from '../support/registry-client.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';

const mebibyte = 1024 * 1024;

describe('uploads to the CNCF distribution registry', () => {
  it('C07 arrive through a network that loses connections', async () => {
    const registry = await startRealRegistry({ directory: temporaryDirectory() });
    onTestFinished(() => registry.close());
    const network = await lossy(registry.host, [7 * mebibyte, 9 * mebibyte, 12 * mebibyte]);
    const blob = randomBytes(30 * mebibyte);
    const descriptor = descriptorOf(blob);
    await client().repository(reference(network)).push(descriptor, opens(blob));
    expect((await read(client().repository(reference(registry.host)), descriptor)).equals(blob)).toBe(true);
  });
});

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
