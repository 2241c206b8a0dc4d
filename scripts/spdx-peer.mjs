// What judges bills of materials in the interoperability tests: SPDX's own tools in Python, and the official JSON schema.
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';

const toolsVersion = '0.8.5';
/** A package that brings the schema of SPDX 2.3 along. */
const schemaVersion = '0.10.4';

const directory = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/engineshed-peers/spdx-${toolsVersion}-${schemaVersion}`;

/** The Python in which `spdx_tools` is. */
export const spdxPython = `${directory}/bin/python3`;

/** Where the file with the schema is, once it is installed. */
export const spdxSchema = `${directory}/spdx-2.3-schema.json`;

/** Installs both from PyPI. Throws where that is not possible. */
export function installSpdx() {
  const run = (file, ...args) =>
    execFileSync(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      .toString()
      .trim();
  const pip = (...args) =>
    run(`${directory}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', ...args);
  run('python3', '-m', 'venv', directory);
  pip(`spdx-tools==${toolsVersion}`);
  pip('--no-deps', `lib4sbom==${schemaVersion}`);
  const packages = run(spdxPython, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))');
  run('cp', `${packages}/lib4sbom/schemas/spdx/2.3-schema.json`, spdxSchema);
}
