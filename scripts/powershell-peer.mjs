// What reads PowerShell in the tests: a grammar, since PowerShell itself is in no registry that they need anyway.
import { writeFileSync } from 'node:fs';
import { installPython, pythonDirectory } from './python-peer.mjs';

const parserVersion = '0.26.1';
const grammarVersion = '0.26.4';

const directory = pythonDirectory(`powershell-${parserVersion}-${grammarVersion}`);

/** The Python in which `tree_sitter` and `tree_sitter_powershell` are. */
export const powershellPython = `${directory}/bin/python3`;

/** A file that is there once all is installed. */
export const powershellInstalled = `${directory}/installed`;

/** Installs both from PyPI. Throws where that is not possible. */
export function installPowershell() {
  installPython(directory, `tree-sitter==${parserVersion}`, `tree-sitter-powershell==${grammarVersion}`);
  writeFileSync(powershellInstalled, '');
}
