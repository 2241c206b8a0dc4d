import type { Reporter } from '../content/index.js';
import type { LoginStoreOptions } from '../credentials/index.js';
import { ownerOf } from '../files/index.js';
import type { Host } from './host.js';

/** What logins are looked for, stored and removed with in this run. */
export function loginOptions(host: Host, report: Reporter): LoginStoreOptions {
  return {
    env: host.environment,
    home: host.home,
    uid: host.userId,
    owner: ownerOf(host.pid),
    report,
  };
}
