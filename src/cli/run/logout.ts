import { credentialSource, removeLogin, scopeKey } from '../../credentials/index.js';
import { parseRegistry } from '../../oci/index.js';
import { loginOptions } from '../credentials.js';
import type { Host } from '../host.js';
import { printJson, printLine, printWarning, withProgress } from '../output.js';
import { placeName } from './login.js';

/** Removes the login for a registry, or for a path in it. */
export async function logout(this: Host, flags: { json?: boolean }, registry: string): Promise<void> {
  const scope = parseRegistry(registry);
  const removed = await withProgress(this, (report) => removeLogin(loginOptions(this, report), scope));
  const options = loginOptions(this, () => undefined);
  const left = await credentialSource(options).find(scope.registry, scope.path);
  if (flags.json) printJson(this, { registry: scopeKey(scope), removed });
  else if (removed.length === 0) printLine(this, `There is no login for ${scopeKey(scope)}`);
  else
    for (const place of removed)
      printLine(this, `Logged out of ${scopeKey(scope)}; removed from ${placeName(place)}`);
  if (left !== undefined)
    printWarning(this, `the login in ${left.origin} still counts for ${scopeKey(scope)}`);
}
