import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import * as net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { storePaths } from '../../src/store/index.js';
import { type RecordedRequest, type ScriptedRegistry, sha256 } from '../../src/testing/index.js';
import { newUser, program, type User } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';
import { scripted } from '../support/registry-client.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { sendSlowly } from '../support/registry-rate.js';
import { temporaryDirectory } from '../support/temporary.js';
import { readTree } from '../support/tree.js';

const mebi = 1024 * 1024;

/** An image with one large layer in a registry, and a user whose install of it was interrupted. */
interface Interrupted {
  readonly user: User;
  readonly registry: ScriptedRegistry;
  readonly install: readonly string[];
  /** The file with what has arrived. */
  readonly file: string;
  /** The layer's blob. */
  readonly blob: Buffer;
  readonly size: number;
  /** What was asked for of the layer's blob since: the `Range` headers. */
  ranges(): (string | undefined)[];
}

async function interrupted(signal: NodeJS.Signals = 'SIGKILL'): Promise<Interrupted> {
  const registry = await scripted();
  const user = newUser();
  const image = await publishLarge(user, registry.host);
  const blobs = [...registry.contents.blobs.values()].sort((a, b) => b.byteLength - a.byteLength);
  const [blob = Buffer.of()] = blobs;
  sendSlowly(registry, { pieceBytes: 64 * 1024, stopAfter: 4 * mebi });
  const install = ['install', image, '--name', 'large'];
  await interrupt(user, install, signal);
  registry.requests.length = 0;
  const isLayer = ({ path }: RecordedRequest) => path.endsWith(sha256(blob));
  return {
    user,
    registry,
    install,
    file: partialOf(user) ?? '',
    blob,
    size: blob.byteLength,
    ranges: () => registry.requests.filter(isLayer).map(({ headers }) => headers.range),
  };
}

async function publishLarge(user: User, registry: string): Promise<string> {
  const component = `${user.work}/component`;
  mkdirSync(component);
  writeFileSync(`${component}/noise`, randomBytes(6 * mebi));
  for (let at = 0; at < 20; at++) writeFileSync(`${component}/file-${at}`, `${at}`);
  await user.output(['publish', component, `${registry}/acme/large:1`]);
  return `${registry}/acme/large:1`;
}

/** Runs a command until some of what it downloads is kept, then ends it by a signal. */
async function interrupt(user: User, command: readonly string[], signal: NodeJS.Signals): Promise<void> {
  const child = spawn(process.execPath, [program, ...command], { cwd: user.work, env: user.environment });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await expect
    .poll(() => child.exitCode ?? lstatSync(partialOf(user) ?? user.home).size >= mebi, { timeout: 20_000 })
    .not.toBe(false);
  expect(child.exitCode, complaint).toBe(null);
  child.kill(signal);
  await ended;
}

function partialOf(user: User): string | undefined {
  const { partial } = storePaths(user.store);
  const [name] = existsSync(partial) ? readdirSync(partial) : [];
  return name === undefined ? undefined : `${partial}/${name}`;
}

/** Checks that the layer stands complete, and that nothing else is left. */
async function expectInstalled({ user, registry }: Interrupted): Promise<void> {
  const { sources } = await user.json(['show', 'large']);
  const [{ directory }] = Object.values<{ directory: string }>(sources) as [{ directory: string }];
  expect(readFileSync(`${directory}/noise`).equals(readFileSync(`${user.work}/component/noise`))).toBe(true);
  expect(readdirSync(storePaths(user.store).partial)).toEqual([]);
  const fresh = newUser();
  await fresh.output(['install', `${registry.host}/acme/large:1`, '--name', 'large']);
  expect(readTree(`${user.store}/layers`)).toEqual(readTree(`${fresh.store}/layers`));
}

describe('an install that was interrupted', () => {
  it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('C07 goes on where %s ended it', async (signal) => {
    const situation = await interrupted(signal);
    const { user, registry, install, file, size } = situation;
    const kept = lstatSync(file).size;
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    const sent = sendSlowly(registry, { pieceBytes: mebi });
    const planned = await user.json([...install, '--dry-run']);
    expect(planned).toMatchObject({ fetchedBytes: size - kept });
    expect(situation.ranges()).toEqual([]);
    expect(await user.json(install)).toMatchObject({ fetchedBytes: size - kept });
    expect(situation.ranges()).toEqual([`bytes=${kept}-`]);
    expect(sent.bytes.at(-1)).toBe(size - kept);
    await expectInstalled(situation);
  });

  it('C07 goes on again and again', async () => {
    const situation = await interrupted();
    const { user, registry, install, file, size } = situation;
    const kept = [lstatSync(file).size];
    for (let times = 1; times < 4; times++) {
      const before = lstatSync(file).size;
      sendSlowly(registry, { pieceBytes: 64 * 1024, stopAfter: mebi + 300_000 });
      const child = spawn(process.execPath, [program, ...install], { env: user.environment });
      await expect.poll(() => lstatSync(file).size, { timeout: 20_000 }).toBeGreaterThan(before);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.on('close', resolve));
      kept.push(lstatSync(file).size);
    }
    sendSlowly(registry, { pieceBytes: mebi });
    await user.output(install);
    expect(situation.ranges()).toEqual(kept.map((bytes) => `bytes=${bytes}-`));
    expect(kept.at(-1)).toBeLessThan(size);
    await expectInstalled(situation);
  });

  it('C07 goes on after the network was lost', async () => {
    const situation = await interrupted();
    const { user, registry, install, file, blob, size } = situation;
    registry.script((request, response) => {
      if (!request.path.endsWith(sha256(blob))) return undefined;
      response.destroy();
      return 'handled';
    });
    const kept = lstatSync(file).size;
    expect(await user.engineshed(install)).toMatchObject({ status: 69 });
    expect(lstatSync(file).size).toBe(kept);
    const sent = sendSlowly(registry, { pieceBytes: mebi });
    await user.output(install);
    expect(sent.bytes.at(-1)).toBe(size - kept);
    await expectInstalled(situation);
  });

  it('C07 asks for nothing where all had arrived', async () => {
    const situation = await interrupted();
    const { user, registry, install, file, blob } = situation;
    sendSlowly(registry, { pieceBytes: mebi });
    writeFileSync(file, blob);
    await user.output(install);
    expect(situation.ranges()).toEqual([]);
    await expectInstalled(situation);
  });

  it('C08 reads the whole where the server gives no ranges', async () => {
    const situation = await interrupted();
    const { user, registry, install, blob, size } = situation;
    registry.script((request, response) => {
      if (!request.path.endsWith(sha256(blob))) return undefined;
      response.writeHead(200, { 'content-length': size }).end(blob);
      return 'handled';
    });
    const { stderr } = await user.engineshed(install);
    expect(stderr).not.toContain('warning');
    await expectInstalled(situation);
  });
});

describe('what an interrupted install has left', () => {
  const flip = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  const damages: [string, (file: string) => void][] = [
    ['its first byte is another', (file) => flip(file, 0)],
    ['a byte in the middle is another', (file) => flip(file, 600_000)],
    ['its last byte is another', (file) => flip(file, lstatSync(file).size - 1)],
    ['it is all zeros', (file) => writeFileSync(file, Buffer.alloc(lstatSync(file).size))],
  ];
  it.each(damages)('C08 is not trusted: %s', async (_what, damage) => {
    const situation = await interrupted();
    const { user, registry, install, file } = situation;
    sendSlowly(registry, { pieceBytes: mebi });
    damage(file);
    const { status, stderr } = await user.engineshed(install);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('warning: large/');
    expect(situation.ranges().at(-1)).toBe(undefined);
    await expectInstalled(situation);
  });

  it('C08 is used as far as it goes, and not at all where it is longer than the blob', async () => {
    const situation = await interrupted();
    const { user, registry, install, file, size } = situation;
    sendSlowly(registry, { pieceBytes: mebi });
    truncateSync(file, 12_345);
    await user.output(install);
    expect(situation.ranges()).toEqual(['bytes=12345-']);
    await expectInstalled(situation);

    const other = await interrupted();
    sendSlowly(other.registry, { pieceBytes: mebi });
    appendFileSync(other.file, Buffer.alloc(size));
    await other.user.output(other.install);
    expect(other.ranges()).toEqual([undefined]);
    await expectInstalled(other);
  });

  it('B01 does not stay where the registry is what is wrong', async () => {
    const situation = await interrupted();
    const { user, registry, install, blob, size } = situation;
    sendSlowly(registry, { pieceBytes: mebi });
    registry.contents.blobs.set(sha256(blob), randomBytes(size));
    const { status, stderr } = await user.engineshed(install);
    expect(status, stderr).toBe(65);
    expect(readdirSync(storePaths(user.store).partial)).toEqual([]);
    expect(situation.ranges()).toEqual([expect.stringMatching(/^bytes=\d+-$/), undefined]);
  });

  const plants: [string, (file: string, elsewhere: string) => void][] = [
    ['a symbolic link', (file, elsewhere) => symlinkSync(elsewhere, file)],
    ['a hard link', (file, elsewhere) => linkSync(elsewhere, file)],
    ['a directory', (file) => mkdirSync(file)],
  ];
  it.each(plants)('E07 is not written to where it is %s', async (_what, plant) => {
    const situation = await interrupted();
    const { user, registry, install, file } = situation;
    sendSlowly(registry, { pieceBytes: mebi });
    const elsewhere = `${user.home}/mine`;
    writeFileSync(elsewhere, 'mine');
    rmSync(file);
    plant(file, elsewhere);
    const { status, stderr } = await user.engineshed(install);
    expect(status, stderr).toBe(0);
    expect(readFileSync(elsewhere, 'utf8')).toBe('mine');
    expect(situation.ranges()).toEqual([undefined]);
    await expectInstalled(situation);
  });

  it('goes when it is a week old, when its layer stands, and when nobody knows what it is', async () => {
    const { user, registry, install, file } = await interrupted();
    sendSlowly(registry, { pieceBytes: mebi });
    const { partial } = storePaths(user.store);
    const kept = `${user.home}/kept`;
    renameSync(file, kept);
    await user.output(install);
    writeFileSync(file, 'the layer stands');
    const unknown = file.replace(/[0-9a-f]{60}\./, `${'0'.repeat(60)}.`);
    writeFileSync(unknown, 'a day old');
    setAge(unknown, 24);
    writeFileSync(`${unknown}1`, 'old');
    setAge(`${unknown}1`, 24 * 8);
    mkdirSync(`${partial}/stray/deep`, { recursive: true });
    await user.output(['use', 'large']);
    expect(readdirSync(partial).map((name) => `${partial}/${name}`)).toEqual([unknown]);
  });
});

describe.skipIf(peersMissing('docker-registry'))('with a real registry', () => {
  it('C07 an interrupted install asks for the rest only', async () => {
    const registry = await startRealRegistry({ directory: temporaryDirectory() });
    onTestFinished(() => registry.close());
    const user = newUser();
    const line = await makeLine(registry.host);
    const image = await publishLarge(user, line.host);
    line.stopAfter(4 * mebi);
    const install = ['install', image, '--name', 'large'];
    await interrupt(user, install, 'SIGKILL');
    const kept = lstatSync(partialOf(user) ?? '').size;
    line.stopAfter(Number.POSITIVE_INFINITY);
    const { fetchedBytes, fetchedLayers } = await user.json(install);
    expect(fetchedBytes).toBe(fetchedLayers[0].size - kept);
    expect(line.carried()).toBeGreaterThanOrEqual(fetchedBytes);
    expect(line.carried()).toBeLessThan(fetchedBytes + 20_000);
    expect(readdirSync(storePaths(user.store).partial)).toEqual([]);
  });
});

/** A line to a server that can go dead, and tells how many bytes it has carried from there since that was last set. */
async function makeLine(to: string) {
  const [host, port] = to.split(':');
  let carried = 0;
  let most = Number.POSITIVE_INFINITY;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].forEach((each) => void each.destroy()));
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      if (carried >= most) return;
      carried += bytes.byteLength;
      near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    carried: () => carried,
    stopAfter(bytes: number) {
      carried = 0;
      most = bytes;
    },
  };
}

function setAge(path: string, hours: number): void {
  const time = Date.now() / 1000 - hours * 3600;
  utimesSync(path, time, time);
}
