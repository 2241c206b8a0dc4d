// Engineshed against its peers, in one run, over a real registry on loopback. Prints ratios: below 1 is faster than the peer.
//   npm run bench            everything (some minutes)
//   npm run bench -- text    one payload
//   npm run bench -- shims   calls through shims, and nothing else
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installPeers } from '../scripts/peers.mjs';
import { setUp } from '../scripts/setup.mjs';
import { compare, peakMemory, runOnce } from './measure.mjs';
import { payloads } from './payloads.mjs';
import { benchShims } from './shims.mjs';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const chosen = process.argv.slice(2);
const program = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));
// A memory file system, where there is one: what is compared is programs, not this machine's disk.
const room = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/engineshed-bench-`);
const engineshed = `${process.execPath} ${program}`;
const rows = [];

setUp();
if (chosen.length === 1 && chosen[0] === 'shims') {
  shims();
  rmSync(room, { recursive: true, force: true });
  printRows();
  process.exit();
}
installPeers();
const registry = await startRegistry();
try {
  if (chosen.length === 0) shims();
  await startUp();
  for (const [name, payload] of Object.entries(payloads)) {
    if (chosen.length === 0 || chosen.includes(name)) await bench(name, payload);
  }
} finally {
  registry.stop();
  rmSync(room, { recursive: true, force: true });
}
printRows();

function shims() {
  for (const [what, more, ratio] of benchShims(`${room}/shims`, [process.execPath, program], rounds * 3)) {
    rows.push(['a call', `${what} / the command itself`, `${ratio.toFixed(2)} (${more.toFixed(2)} ms more)`]);
    console.log(`${what}: ${more.toFixed(2)} ms more than the command itself (${ratio.toFixed(2)})`);
  }
}

async function bench(name, { title, make }) {
  const source = `${room}/source-${name}`;
  mkdirSync(source);
  make(source);
  const image = `${registry.address}/bench/${name}:1`;
  await runOnce(`${engineshed} publish ${source} ${image}`);
  const manifest = await (
    await fetch(`http://${registry.address}/v2/bench/${name}/manifests/1`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
  ).json();
  const { digest } = manifest.layers[0];
  const blob = `http://${registry.address}/v2/bench/${name}/blobs/${digest}`;
  const fresh = (what) => (round) => `${room}/${name}-${what}-${round}`;

  const install = (round) => `ENGINESHED_HOME=${fresh('store')(round)} ${engineshed} install ${image}`;
  const curl = (round) => {
    const directory = fresh('curl')(round);
    return `mkdir ${directory} && curl -sSf ${blob} | tee >(sha256sum > ${directory}.sum) | tar xzf - -C ${directory}`;
  };
  const umoci = (round) => {
    const directory = fresh('umoci')(round);
    return `skopeo copy -q --src-tls-verify=false docker://${image} oci:${directory}:1 && umoci unpack --image ${directory}:1 ${directory}-tree`;
  };
  add(title, 'cold install / curl, sha256sum, tar', await compare(install, curl, rounds));
  await clear(name);
  add(title, 'cold install / skopeo copy, umoci unpack', await compare(install, umoci, Math.min(rounds, 3)));
  await clear(name);

  const warm = `ENGINESHED_HOME=${room}/${name}-warm ${engineshed} install ${image}`;
  await runOnce(warm);
  add(
    title,
    'warm no-op install / empty Node program',
    await compare(
      () => warm,
      () => emptyNode(),
      rounds,
    ),
  );
  const peak = await peakMemory(process.execPath, [program, 'install', image], {
    ENGINESHED_HOME: `${room}/${name}-memory`,
  });
  rows.push([title, 'peak memory of a cold install', `${Math.round(peak / 1e6)} MB`]);

  const publish = (round) =>
    `${engineshed} publish ${source} ${registry.address}/ours-${round + 1}/${name}:1`;
  const root = (round) => `${room}/${name}-root-${round}`;
  const buildah = (round) =>
    `buildah --root ${root(round)} --runroot ${root(round)}-run --storage-driver overlay bud -q --isolation chroot -t bench -f ${room}/Dockerfile ${source} && ` +
    `skopeo copy -q --dest-tls-verify=false 'containers-storage:[overlay@${root(round)}+${root(round)}-run]localhost/bench:latest' docker://${registry.address}/theirs-${round + 1}/${name}:1`;
  add(title, 'pack and push / buildah, skopeo', await compare(publish, buildah, Math.min(rounds, 3)));
  await clear(name);
}

async function startUp() {
  const home = `${room}/start`;
  mkdirSync(`${home}/component`, { recursive: true });
  writeFileSync(`${home}/component/file`, 'content');
  const environment = `ENGINESHED_HOME=${home}/store`;
  await runOnce(`${engineshed} publish ${home}/component oci:${home}/images:1`);
  await runOnce(`${environment} ${engineshed} install oci:${home}/images:1 --name bench`);
  for (const command of ['env', 'current']) {
    add(
      'start-up',
      `${command} / empty Node program`,
      await compare(
        () => `${environment} ${engineshed} ${command}`,
        () => emptyNode(),
        rounds * 3,
      ),
    );
  }
}

function emptyNode() {
  if (!existsSync(`${room}/empty.cjs`)) writeFileSync(`${room}/empty.cjs`, '');
  if (!existsSync(`${room}/Dockerfile`)) writeFileSync(`${room}/Dockerfile`, 'FROM scratch\nCOPY . /\n');
  return `${process.execPath} ${room}/empty.cjs`;
}

/** Never between two timed runs: creating files is slow right after deleting many. */
function clear(name) {
  return runOnce(
    `for mounted in ${room}/${name}-root-*/overlay; do umount $mounted 2>/dev/null; done; rm -rf ${room}/${name}-*`,
  );
}

function add(title, what, ratio) {
  rows.push([title, what, ratio.toFixed(2)]);
  console.log(`${title}: ${what}: ${ratio.toFixed(2)}`);
}

function printRows() {
  console.log('\n| payload | what | ratio |\n|---|---|---|');
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}

async function startRegistry() {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const configuration = `${room}/registry.yml`;
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${room}/registry\n`;
  writeFileSync(
    configuration,
    `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: 127.0.0.1:${port}\n`,
  );
  const child = spawn('docker-registry', ['serve', configuration], { stdio: 'ignore' });
  const address = `127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    try {
      await fetch(`http://${address}/v2/`);
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return { address, stop: () => child.kill() };
}
