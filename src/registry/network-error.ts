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
 */
export function networkError(error: unknown, url: URL): EngineshedError {
  if (error instanceof EngineshedError) return error;
  const code = systemCode(error);
  const options = { cause: error, details: { url: publicUrl(url) } };
  if (isCertificateFault(error)) {
    return new EngineshedError('TLS_FAILED', `The certificate of ${url.host} was not accepted (${code})`, {
      ...options,
      hint: certificateHint(code, url.host),
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new EngineshedError('TLS_FAILED', `No TLS connection to ${url.host} was possible (${code})`, {
      ...options,
      hint: `If ${url.host} is meant to be reached without TLS, say --plain-http ${url.host}.`,
    });
  }
  if (code === 'ENOTFOUND') {
    return new EngineshedError('REGISTRY_UNAVAILABLE', `There is no host ${url.hostname}`, {
      ...options,
      hint: 'Check the name in the reference and the network.',
    });
  }
  if (code.startsWith('HPE_')) {
    return new EngineshedError('RESPONSE_INVALID', `${url.host} did not answer in HTTP (${code})`, options);
  }
  return new EngineshedError('NETWORK_FAILED', `The connection to ${url.host} failed (${code})`, {
    ...options,
    hint: 'Check the network and that the registry runs, then try again.',
  });
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

function certificateHint(code: string, host: string): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `Check the clock of this machine, or have the certificate of ${host} renewed.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return 'Use the host name that the certificate is made for.';
  return 'If a private authority signed it, name that authority: set NODE_EXTRA_CA_CERTS to its certificate file.';
}
