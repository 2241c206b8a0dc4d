import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { publicUrl } from './url.js';

/** The codes by which Node says that a certificate was not accepted. */
const certificateFaults = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Turns a failure of Node's http, https or dns into an error with a code: `TLS_FAILED`, `REGISTRY_UNAVAILABLE` (no such
 * host) and `RESPONSE_INVALID` (no HTTP), which trying again does not help, and `NETWORK_FAILED`. An
 * {@link EngineshedError} comes back as it is.
 * @param via the proxy on the way, as messages name it
 */
export function networkError(error: unknown, url: URL, via?: string | undefined): EngineshedError {
  if (error instanceof EngineshedError) return error;
  const code = systemCode(error);
  const options = { cause: error, details: { url: publicUrl(url) } };
  if (isCertificateFault(error)) {
    return new EngineshedError(
      'TLS_FAILED',
      `The certificate of ${url.host}${through(via)} was not accepted (${code})`,
      {
        ...options,
        hint: certificateHint(code, url, via),
      },
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new EngineshedError(
      'TLS_FAILED',
      `No TLS connection to ${url.host}${through(via)} was possible (${code})`,
      {
        ...options,
        hint: tlsHint(error, code, url),
      },
    );
  }
  if (code === 'ENOTFOUND') {
    return new EngineshedError('REGISTRY_UNAVAILABLE', `There is no host ${url.hostname}`, {
      ...options,
      hint: 'Check the name in the reference and the network.',
    });
  }
  if (code.startsWith('HPE_')) {
    return new EngineshedError(
      'RESPONSE_INVALID',
      `${url.host}${through(via)} did not answer in HTTP (${code})`,
      options,
    );
  }
  return new EngineshedError(
    'NETWORK_FAILED',
    `The connection to ${url.host}${through(via)} failed (${code})`,
    {
      ...options,
      hint: 'Check the network and that the registry runs, then try again.',
    },
  );
}

/** Tells whether the other side speaks TLS but its certificate was refused. */
export function isCertificateFault(error: unknown): boolean {
  return certificateFaults.has(systemCode(error instanceof EngineshedError ? error.cause : error));
}

/** Tells whether the other side took the connection and then did not speak HTTP on it, as a TLS server does. */
export function isNoHttp(error: unknown): boolean {
  const code = systemCode(error instanceof EngineshedError ? error.cause : error);
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_');
}

/** Tells whether no TLS connection came about, for another reason than a certificate. */
export function isNoTls(error: unknown): boolean {
  return isEngineshedError(error, 'TLS_FAILED', 'NETWORK_FAILED', 'TIMEOUT') && !isCertificateFault(error);
}

/** The error of waiting in vain. */
export function timeoutError(url: URL, what: string): EngineshedError {
  return new EngineshedError('TIMEOUT', `${url.host} ${what}`, {
    hint: 'Try again later, or check the network.',
    details: { url: publicUrl(url) },
  });
}

function systemCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : 'connection lost';
}

/** What a message says of a proxy on the way. */
export function through(via: string | undefined): string {
  return via === undefined ? '' : `, through ${via},`;
}

function certificateHint(code: string, url: URL, via: string | undefined): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `Check the clock of this machine, or have the certificate of ${url.host} renewed.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return 'Use the host name that the certificate is made for.';
  const who =
    via === undefined ? 'If a private authority signed it' : 'If it is the proxy that signs for others';
  return `${who}, name that authority: put its certificate into ${directoryOf(url)}ca.crt, or set NODE_EXTRA_CA_CERTS to its file.`;
}

/** The alerts (RFC 8446, section 6.2) by which a server says that it wants a certificate of ours, or another one. */
const certificateAlerts = new Set([40, 41, 42, 43, 44, 45, 46, 48, 49, 116]);
const versionAlert = 70;

function tlsHint(error: unknown, code: string, url: URL): string {
  const alert = tlsAlert(error);
  if (alert !== undefined && certificateAlerts.has(alert))
    return `${url.host} may want a certificate of yours: put it into ${directoryOf(url)}client.cert, and its key into client.key there.`;
  if (alert === versionAlert || code === 'ERR_SSL_UNSUPPORTED_PROTOCOL')
    return `${url.host} speaks no TLS of version 1.2 or later; nothing older is used.`;
  return `If ${url.host} is meant to be reached without TLS, say --plain-http ${url.host}.`;
}

/** The number of the alert that ended a connection. Of an EPROTO Node tells it in OpenSSL's text alone. */
function tlsAlert(error: unknown): number | undefined {
  const number = /:SSL alert number (\d+)\s*$/.exec((error as Error | undefined)?.message ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
}

function directoryOf(url: URL): string {
  return `~/.config/containers/certs.d/${url.hostname === 'registry-1.docker.io' ? 'docker.io' : url.host}/`;
}
