import * as https from 'node:https';
import * as tls from 'node:tls';

/**
 * An agent for https. It has a file of its own because loading TLS takes longer than most commands run, and a registry on
 * loopback needs none.
 * @param pool how connections are kept
 * @param ca certificates (PEM) of authorities that are trusted beside the usual ones
 */
export function createSecureAgent(pool: https.AgentOptions, ca: string | undefined): https.Agent {
  return new https.Agent({ ...pool, ...(ca === undefined ? {} : { ca: [...usualAuthorities(), ca] }) });
}

/** What Node trusts by default; newer ones also tell what NODE_EXTRA_CA_CERTS and the system add. */
function usualAuthorities(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: () => string[] };
  return getCACertificates?.() ?? tls.rootCertificates;
}
