import { createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { client, reference, target } from '../support/registry-client.js';

/** A server that answers each request with these bytes; gives its `host:port`. */
async function answering(answer: string | ((socket: Socket) => void)): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => (typeof answer === 'string' ? socket.write(answer) : answer(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

describe('an answer that is hardly HTTP', () => {
  it.each([
    [
      'changes the protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    ],
    ['changes it to nothing', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['has headers without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`],
    ['has two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello12'],
    [
      'has a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['has a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello'],
    ['is of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('C09 ends the request where it %s', async (_what, answer) => {
    const host = await answering(answer);
    const asked = target({ host }, { plainHttp: () => true }).resolve('1');
    await expect(asked).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('C09 is given up where it only says that it will come', async () => {
    const host = await answering((socket) => {
      const more = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)), 2);
      socket.once('close', () => clearInterval(more));
    });
    const impatient = client({ plainHttp: () => true, limits: { idleMs: 200, tries: 1 } });
    await expect(impatient.repository(reference(host)).resolve('1')).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
  });
});
