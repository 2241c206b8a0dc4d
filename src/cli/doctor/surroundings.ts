import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import * as zlib from 'node:zlib';
import type { Reporter } from '../../content/index.js';
import { credentialSource, listLogins } from '../../credentials/index.js';
import { openCatalogs } from '../catalogs.js';
import { loginOptions } from '../credentials.js';
import type { Host } from '../host.js';
import { isOffline, openRegistries } from '../runtime.js';
import { count } from '../text.js';
import { type Check, type Finding, findingOf } from './check.js';

/** Looks at the program and what it runs on. */
export function checkProgram(host: Host): Check {
  const zstd = 'createZstdDecompress' in zlib ? 'gzip and zstd layers' : 'gzip layers';
  const findings: Finding[] = [];
  if (!isOnPath(host, 'git')) {
    findings.push({
      severity: 'warning',
      issue: 'Images that are published do not tell their revision',
      cause: 'The program "git" is not on the PATH',
      remedy: 'Install git.',
    });
  }
  const summary = `${host.version}, Node ${host.nodeVersion}, ${host.platform}/${host.architecture}, reads ${zstd}`;
  return { name: 'engineshed', summary, findings };
}

/** Looks at the configuration files: the user's, the project's, and the machine's for registries. */
export async function checkConfiguration(host: Host): Promise<Check> {
  const name = 'configuration';
  const findings: Finding[] = [];
  const report = warnings(findings, 'A configuration file does not say what it seems to');
  try {
    const catalogs = await openCatalogs(host, undefined);
    openRegistries(host, catalogs, {}, report).close();
    return {
      name,
      summary: `${catalogs.entries.size} engines and families, ${count(catalogs.registries.length, 'registry rule')}`,
      findings,
    };
  } catch (error) {
    findings.push(findingOf('The configuration cannot be read', error, 'Correct the file.'));
    return { name, summary: 'unreadable', findings };
  }
}

/** Looks at the logins: whether they can be read, and whether others can. No secret is shown. */
export async function checkLogins(host: Host): Promise<Check> {
  const name = 'logins';
  const findings: Finding[] = [];
  const report = warnings(findings, 'A login may not be found');
  try {
    const logins = await listLogins(loginOptions(host, report));
    for (const place of credentialSource(loginOptions(host, report)).places) {
      const mode = statSync(place, { throwIfNoEntry: false })?.mode ?? 0;
      if (host.platform === 'win32' || (mode & 0o077) === 0) continue;
      findings.push({
        severity: 'warning',
        issue: 'Other users of this machine may read your logins',
        cause: `${place} has the mode ${(mode & 0o777).toString(8)}`,
        remedy: `chmod 600 ${place}`,
      });
    }
    return { name, summary: `${logins.length} found`, findings };
  } catch (error) {
    findings.push(findingOf('The logins cannot be read', error, 'Correct or remove the file.'));
    return { name, summary: 'unreadable', findings };
  }
}

/** Looks at what says how registries are reached, and asks none. */
export function checkNetwork(host: Host): Check {
  const { environment } = host;
  const findings: Finding[] = [];
  for (const variable of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']) {
    const file = environment[variable];
    if (!file || existsSync(file)) continue;
    findings.push({
      severity: 'problem',
      issue: 'Registries with a certificate of a private authority cannot be reached',
      cause: `${variable} names ${file}, which is not there`,
      remedy: `Correct or unset ${variable}.`,
    });
  }
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    findings.push({
      severity: 'warning',
      issue: 'Certificates are verified all the same',
      cause: 'NODE_TLS_REJECT_UNAUTHORIZED is 0, which Engineshed does not follow',
      remedy: 'Give the authority of the registry with SSL_CERT_FILE or a certs.d directory.',
    });
  }
  const proxies = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'].filter(
    (variable) => environment[variable],
  );
  const summary = isOffline(host, {})
    ? 'not used, because ENGINESHED_OFFLINE is set'
    : proxies.length === 0
      ? 'no proxy'
      : `proxies by ${proxies.join(', ')}`;
  return { name: 'network', summary, findings };
}

function warnings(findings: Finding[], issue: string): Reporter {
  return (event) => {
    if (event.type !== 'warning') return;
    findings.push({ severity: 'warning', issue, cause: event.message, remedy: 'Correct what it names.' });
  };
}

function isOnPath(host: Host, program: string): boolean {
  const names = host.platform === 'win32' ? [`${program}.exe`] : [program];
  return (host.environment.PATH ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && names.some((name) => existsSync(join(directory, name))));
}
