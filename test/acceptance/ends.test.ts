import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newUser } from './cli.js';

describe('the program ends', () => {
  it('with an error where a registry wants to speak something else than HTTP', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const { status, stderr } = await newUser().engineshed(['install', `${host}/acme/engine:1`]);
    expect(stderr).toContain(`${host} answered 101`);
    expect(status).toBe(65);
  });

  it('with an error where it waits for what never comes', async () => {
    const user = newUser();
    const preload = `${user.home}/nothing.cjs`;
    const http = "require('node:http')";
    writeFileSync(
      preload,
      `${http}.request = () => new (require('node:stream').Duplex)({ read() {}, write() {}, final() {} });`,
    );
    const { status, stdout, stderr } = await user.engineshed(['install', '127.0.0.1:1/acme/engine:1'], {
      environment: { NODE_OPTIONS: `--require ${preload}` },
    });
    expect(stderr).toContain('waits for something that does not come');
    expect([status, stdout]).toEqual([70, '']);
  });
});
