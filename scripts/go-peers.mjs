// The peers that are Go modules: where each of them is, and how it is built. Versions are pinned here.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Package and version, or a directory of ours with a go.mod. */
const peers = {
  crane: { package: 'github.com/google/go-containerregistry/cmd/crane', version: 'v0.22.1' },
  regctl: { package: 'github.com/regclient/regclient/cmd/regctl', version: 'v0.11.7' },
  oras: { package: 'oras.land/oras/cmd/oras', version: 'v1.3.6' },
  conformance: {
    package: 'github.com/opencontainers/distribution-spec/conformance',
    version: 'v0.0.0-20260831232431-97274622c111',
  },
  cosign: { package: 'github.com/sigstore/cosign/v3/cmd/cosign', version: 'v3.1.3' },
  actionlint: { package: 'github.com/rhysd/actionlint/cmd/actionlint', version: 'v1.7.7' },
  'referrers-registry': { directory: 'test/interop/go/referrers-registry' },
};

/** The names of all. */
export const goPeers = Object.keys(peers);

/** Where a peer is, once it is built: in the user's cache, by version. */
export function goPeerPath(name) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'engineshed-peers', `${name}-${versionOf(peers[name])}`, name);
}

/** The go command; undefined where there is none. */
export function findGo() {
  return ['go', '/usr/local/go/bin/go'].find((go) => spawnSync(go, ['version']).status === 0);
}

/** Builds a peer where it is not there. What go says of a failure is shown. */
export function buildGoPeer(go, name) {
  const path = goPeerPath(name);
  if (existsSync(path)) return;
  const parent = join(path, '..', '..');
  mkdirSync(parent, { recursive: true });
  const output = mkdtempSync(join(parent, '.building-'));
  try {
    const { package: module, version, directory } = peers[name];
    const flags = ['-trimpath', '-ldflags=-s -w'];
    if (directory === undefined) goRun(go, ['install', ...flags, `${module}@${version}`], { GOBIN: output });
    else goRun(go, ['build', '-C', join(root, directory), ...flags, '-o', join(output, name), '.'], {});
    if (existsSync(path)) return;
    mkdirSync(join(path, '..'), { recursive: true });
    renameSync(join(output, basename(path)), path);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function goRun(go, args, environment) {
  const env = { ...process.env, CGO_ENABLED: '0', ...environment };
  const [program, ...rest] = process.platform === 'win32' ? [go, ...args] : ['nice', '-n', '10', go, ...args];
  const { status, stderr, error } = spawnSync(program, rest, { env, encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(stderr.slice(-2000));
}

function versionOf({ version, directory }) {
  if (version !== undefined) return version;
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(root, directory, file)));
  return hash.digest('hex').slice(0, 12);
}
