// hamlet's own command line, the predecessor of ours, as a client for the interoperability tests.
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';

const version = '10.0.1';

/** Where it stands, in an environment of its own. */
export const hamletDirectory = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/engineshed-peers/hamlet-${version}`;

/** Its program. */
export const hamletProgram = `${hamletDirectory}/bin/hamlet`;

/** Installs it from PyPI. Throws where that is not possible. */
export function installHamlet() {
  const run = (file, ...args) => execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  run('python3', '-m', 'venv', hamletDirectory);
  run(
    `${hamletDirectory}/bin/pip`,
    'install',
    '--quiet',
    '--disable-pip-version-check',
    `hamlet==${version}`,
  );
}
