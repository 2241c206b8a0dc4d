// The real programs that the interoperability tests and the bench talk to.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { buildGoPeer, findGo, goPeerPath, goPeers } from './go-peers.mjs';
import { hamletProgram, installHamlet } from './hamlet-peer.mjs';
import { installPowershell, powershellInstalled } from './powershell-peer.mjs';
import { say } from './setup.mjs';
import { installSpdx, spdxSchema } from './spdx-peer.mjs';
import { hasWindows, installWindows } from './windows-peer.mjs';

/** Program, or file -> Debian package. */
const peers = {
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  umoci: 'umoci',
  buildah: 'buildah',
  htpasswd: 'apache2-utils',
  openssl: 'openssl',
  zsh: 'zsh',
  fish: 'fish',
  git: 'git',
  jq: 'jq',
  setpriv: 'util-linux',
  chromium: 'chromium',
  python3: 'python3',
  '/usr/lib/python3/dist-packages/yaml': 'python3-yaml',
  strace: 'strace',
  busybox: 'busybox',
  mksh: 'mksh',
  curl: 'curl',
  wget: 'wget',
  mawk: 'mawk',
  bsdtar: 'libarchive-tools',
  'original-awk': 'original-awk',
  wine: 'wine',
  '/usr/share/doc/python3-venv': 'python3-venv',
  '/usr/share/gocode/src/github.com/opencontainers/image-spec/schema':
    'golang-github-opencontainers-image-spec-dev',
};

/**
 * Installs the missing peers: those of Debian where that is possible without asking, on Debian as root; those that are Go
 * modules with ENGINESHED_REQUIRE_PEERS=1, because building them takes minutes. The tests that need a missing one are skipped
 * and say so; with ENGINESHED_REQUIRE_PEERS=1 they fail instead.
 */
export function installPeers() {
  installDebianPeers();
  buildGoPeers();
  installFromPyPI('hamlet', hamletProgram, installHamlet);
  installFromPyPI('the tools of SPDX', spdxSchema, installSpdx);
  installFromPyPI('a grammar of PowerShell', powershellInstalled, installPowershell);
  prepareWindows();
}

function installDebianPeers() {
  const missing = Object.keys(peers).filter((program) => !has(program));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    say(`without ${missing.join(', ')}: the tests against them are skipped`);
    return;
  }
  say(`installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const packages = missing.map((program) => peers[program]);
  const apt = (...args) =>
    execFileSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    apt('update');
    apt('install', '-y', '--no-install-recommends', ...packages);
  } catch {
    say(`${packages.join(', ')} could not be installed: the tests against them are skipped`);
  }
}

function buildGoPeers() {
  const missing = goPeers.filter((name) => !existsSync(goPeerPath(name)));
  if (missing.length === 0) return;
  const names = missing.join(', ');
  if (process.env.ENGINESHED_REQUIRE_PEERS !== '1') {
    say(
      `without ${names}: the tests against them are skipped; ENGINESHED_REQUIRE_PEERS=1 builds them with Go, in minutes`,
    );
    return;
  }
  const go = findGo();
  if (go === undefined) {
    say(`without Go, and so without ${names}: the tests against them fail`);
    return;
  }
  for (const name of missing) {
    say(`building ${name}`);
    try {
      buildGoPeer(go, name);
    } catch (error) {
      say(`${name} could not be built: the tests against it fail\n${error.message}`);
    }
  }
}

function installFromPyPI(name, file, install) {
  if (existsSync(file)) return;
  if (process.env.ENGINESHED_REQUIRE_PEERS !== '1') {
    say(
      `without ${name}: the tests against it are skipped; ENGINESHED_REQUIRE_PEERS=1 installs it from PyPI`,
    );
    return;
  }
  say(`installing ${name}`);
  try {
    install();
  } catch (error) {
    say(`${name} could not be installed: the tests against it fail\n${error.message}`);
  }
}

/** What it takes is much for what it shows: nothing fails where it is missing. */
function prepareWindows() {
  if (hasWindows()) return;
  if (process.env.ENGINESHED_REQUIRE_PEERS !== '1' || !has('wine')) {
    say(
      'without Wine and Node for Windows: the tests on Windows are skipped; ENGINESHED_REQUIRE_PEERS=1 prepares them',
    );
    return;
  }
  say('preparing Windows');
  try {
    installWindows();
  } catch (error) {
    say(`Wine could not be prepared: the tests on Windows are skipped\n${error.message}`);
  }
}

function has(program) {
  if (program.startsWith('/')) return existsSync(program);
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
