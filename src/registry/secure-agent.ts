import * as https from 'node:https';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { EngineshedError } from '../errors/index.js';
import { type HostCertificates, readAuthorities, readHostCertificates } from './certificates.js';
import type { Environment } from './proxy.js';

/** What decides who is trusted. */
export interface TrustOptions {
  /** Certificates (PEM) of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
  /** `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS` are read. */
  readonly environment: Environment;
  /** Directories of the form of containers-certs.d(5), the first one first. */
  readonly certificateDirectories: readonly string[];
}

/**
 * How TLS is spoken with a host. Certificates are verified and versions before 1.2 refused, whatever Node's own variables and
 * flags say. Where nothing else is said the authorities are Node's.
 * @throws EngineshedError `CONFIG_INVALID` where a file that is named cannot be used, `FILE_PERMISSION`, `IO_FAILED`
 */
export function tlsOptions(
  url: URL,
  trust: TrustOptions,
): tls.SecureContextOptions & tls.CommonConnectionOptions {
  const strict = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  const own = readHostCertificates(trust.certificateDirectories, url);
  const ca = authorities(trust, own);
  if (ca === undefined && own === undefined) return strict;
  try {
    const secureContext = tls.createSecureContext({
      minVersion: strict.minVersion,
      ...(ca === undefined ? {} : { ca }),
      cert: own?.clients.map(({ cert }) => cert),
      key: own?.clients.map(({ key }) => key),
    });
    return { ...strict, secureContext };
  } catch (cause) {
    const where = own?.directory ?? trust.environment.SSL_CERT_FILE ?? 'the option "ca"';
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
    throw new EngineshedError('CONFIG_INVALID', `The certificates in ${where} cannot be used (${code})`, {
      hint: 'Files must be in PEM format, a key must belong to its certificate, and have no passphrase.',
      details: { path: where },
    });
  }
}

/**
 * An agent for https with one host. It has a file of its own because loading TLS takes longer than most commands run, and a
 * registry on loopback needs none.
 * @param pool how connections are kept
 */
export function createSecureAgent(pool: https.AgentOptions, url: URL, trust: TrustOptions): https.Agent {
  return new https.Agent({ ...pool, ...tlsOptions(url, trust), servername: serverName(url) });
}

/**
 * The name that a certificate must have, which Node would take from the `Host` header; for a proxy that is another's. An address
 * is no name to ask for (RFC 6066, section 3), and verified as what is connected to.
 */
export function serverName({ hostname }: URL): string {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? host : '';
}

/** Whom to trust; undefined leaves it to Node. */
function authorities(trust: TrustOptions, own: HostCertificates | undefined): string[] | undefined {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = trust.environment;
  const added = [...(trust.ca === undefined ? [] : [trust.ca]), ...(own?.authorities ?? [])];
  if (!SSL_CERT_FILE && added.length === 0) return undefined;
  const { getCACertificates } = tls as { getCACertificates?: () => string[] };
  if (!SSL_CERT_FILE && getCACertificates !== undefined) return [...getCACertificates(), ...added];
  // A list of our own takes the place of what Node read from its variable.
  const extra = NODE_EXTRA_CA_CERTS ? [readAuthorities(NODE_EXTRA_CA_CERTS, 'NODE_EXTRA_CA_CERTS')] : [];
  const usual = SSL_CERT_FILE ? [readAuthorities(SSL_CERT_FILE, 'SSL_CERT_FILE')] : tls.rootCertificates;
  return [...usual, ...extra, ...added];
}
