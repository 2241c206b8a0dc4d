// What both commands of the README need first: the dependencies and a build, each only where it is missing or stale.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Installs the dependencies where they are not those of package-lock.json, and builds where a source is newer than dist. Dependencies
 * behind a link are another checkout's: npm would empty them there, and they are left alone.
 */
export function setUp() {
  refuseOldNode();
  if (
    !isLink(`${root}/node_modules`) &&
    newest([`${root}/package.json`, `${root}/package-lock.json`]) >
      newest([`${root}/node_modules/.package-lock.json`])
  ) {
    say('installing the dependencies');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (newest(files(`${root}/src`).concat(`${root}/package.json`)) > newest([`${root}/dist/cli/main.cjs`])) {
    say('building');
    run(process.execPath, [`${root}/scripts/build.mjs`]);
  }
}

/** Under an older Node what comes would fail with a text that does not tell why. */
function refuseOldNode() {
  const { engines } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  const [, major, minor] = /^>=(\d+)\.(\d+)/.exec(engines.node).map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  console.error(
    `This is Node ${process.versions.node}, and Engineshed needs Node ${major}.${minor} or later. Get one from https://nodejs.org`,
  );
  process.exit(1);
}

/** Runs a program of the project's from its root; its failure is ours. */
export function run(file, args, options = {}) {
  execFileSync(file, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32', ...options });
}

export function say(text) {
  console.log(`> ${text}`);
}

function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function newest(paths) {
  return Math.max(...paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)));
}

function files(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`);
}
