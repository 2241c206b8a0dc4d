import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as net from 'node:net';
import type { Certificate } from './registry-tls.js';

/** How to start the real registry. */
export interface RealRegistryOptions {
  /** A directory for its storage and configuration. */
  readonly directory: string;
  readonly tls?: Certificate | undefined;
  /** Users and passwords for basic authentication. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** The registry (`http://...`) that it is a pull-through cache of. */
  readonly cacheOf?: string | undefined;
  /** A token service, and the certificate that its tokens are signed with. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certFile: string;
  };
}

/** Debian's `docker-registry`: the CNCF distribution registry, version 2. */
export interface RealRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  close(): Promise<void>;
}

/** Starts it on a free port and waits until it takes connections. */
export async function startRealRegistry(options: RealRegistryOptions): Promise<RealRegistry> {
  const port = await freePort();
  const config = `${options.directory}/config.yml`;
  writeFileSync(config, configuration(options, port));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  await listening(port, child);
  return {
    host: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

function configuration({ directory, tls, users, cacheOf, token }: RealRegistryOptions, port: number): string {
  const lines = [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(`${directory}/data`)} }, delete: { enabled: true } }`,
    'http:',
    `  addr: 127.0.0.1:${port}`,
    '  secret: only-for-tests',
  ];
  if (tls !== undefined)
    lines.push(
      `  tls: { certificate: ${JSON.stringify(tls.certFile)}, key: ${JSON.stringify(tls.keyFile)} }`,
    );
  if (users !== undefined) {
    const file = `${directory}/htpasswd`;
    const entries = Object.entries(users).map(([user, password]) =>
      execFileSync('htpasswd', ['-nbB', '-C', '4', user, password], { encoding: 'utf8' }).trim(),
    );
    writeFileSync(file, `${entries.join('\n')}\n`);
    lines.push(`auth: { htpasswd: { realm: tests, path: ${JSON.stringify(file)} } }`);
  }
  if (cacheOf !== undefined) lines.push(`proxy: { remoteurl: ${JSON.stringify(cacheOf)} }`);
  if (token !== undefined) {
    const { realm, service, issuer, certFile } = token;
    lines.push(`auth: { token: ${JSON.stringify({ realm, service, issuer, rootcertbundle: certFile })} }`);
  }
  return `${lines.join('\n')}\n`;
}

/** A port of the loopback interface that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Waits until a program takes connections; rejects, and ends it, where it does not within 15 seconds. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const connected = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`${child.spawnfile} did not start`);
}
