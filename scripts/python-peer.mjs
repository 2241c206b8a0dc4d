// Programs in Python for the tests, each in an environment of its own in the cache.
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';

/** Where the environment of a peer is. */
export function pythonDirectory(name) {
  return `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/engineshed-peers/${name}`;
}

/** Installs packages from PyPI into an environment, and makes that where it is missing. Throws where that is not possible. */
export function installPython(directory, ...words) {
  const run = (file, ...args) => execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  run('python3', '-m', 'venv', directory);
  run(`${directory}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', ...words);
}
