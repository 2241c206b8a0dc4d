// What reads PowerShell in the tests: a grammar, since PowerShell itself is in no registry that they need anyway.
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';

const parserVersion = '0.26.1';
const grammarVersion = '0.26.4';

const directory = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/engineshed-peers/powershell-${parserVersion}-${grammarVersion}`;

/** The Python in which `tree_sitter` and `tree_sitter_powershell` are. */
export const powershellPython = `${directory}/bin/python3`;

/** A file that is there once all is installed. */
export const powershellInstalled = `${directory}/installed`;

/** Installs both from PyPI. Throws where that is not possible. */
export function installPowershell() {
  const run = (file, ...args) => execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  run('python3', '-m', 'venv', directory);
  run(
    `${directory}/bin/pip`,
    'install',
    '--quiet',
    '--disable-pip-version-check',
    `tree-sitter==${parserVersion}`,
    `tree-sitter-powershell==${grammarVersion}`,
  );
  run('touch', powershellInstalled);
}
