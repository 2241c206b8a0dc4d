// hamlet's own command line, the predecessor of ours, as a client for the interoperability tests.
import { installPython, pythonDirectory } from './python-peer.mjs';

const version = '10.0.1';

/** Where it stands, in an environment of its own. */
export const hamletDirectory = pythonDirectory(`hamlet-${version}`);

/** Its program. */
export const hamletProgram = `${hamletDirectory}/bin/hamlet`;

/** Installs it from PyPI. Throws where that is not possible. */
export function installHamlet() {
  installPython(hamletDirectory, `hamlet==${version}`);
}
