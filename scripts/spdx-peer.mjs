// What judges bills of materials in the interoperability tests: SPDX's own tools in Python, and the official JSON schema.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { installPython, pythonDirectory } from './python-peer.mjs';

const toolsVersion = '0.8.5';
/** A package that brings the schema of SPDX 2.3 along. */
const schemaVersion = '0.10.4';

const directory = pythonDirectory(`spdx-${toolsVersion}-${schemaVersion}`);

/** The Python in which `spdx_tools` is. */
export const spdxPython = `${directory}/bin/python3`;

/** Where the file with the schema is, once it is installed. */
export const spdxSchema = `${directory}/spdx-2.3-schema.json`;

/** Installs both from PyPI. Throws where that is not possible. */
export function installSpdx() {
  installPython(directory, `spdx-tools==${toolsVersion}`);
  installPython(directory, '--no-deps', `lib4sbom==${schemaVersion}`);
  const where = ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'];
  const packages = execFileSync(spdxPython, where, { encoding: 'utf8' }).trim();
  copyFileSync(`${packages}/lib4sbom/schemas/spdx/2.3-schema.json`, spdxSchema);
}
