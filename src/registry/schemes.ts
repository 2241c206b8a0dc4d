import { isLoopback } from '../oci/index.js';

/** How a registry is spoken to: over one scheme, or over the first that it turns out to speak. */
export type Schemes = 'https' | 'http' | 'http-first' | 'https-first';

/**
 * Decides how a registry is spoken to. One on loopback is tried over http first, as Docker does; one that configuration
 * allows http for (`insecure`) over https first. Certificates are verified in every case.
 * @param plainHttp what the user says: true for http, false for https, undefined for nothing
 */
export function schemesOf(registry: string, plainHttp: boolean | undefined, insecure: boolean): Schemes {
  if (plainHttp !== undefined) return plainHttp ? 'http' : 'https';
  if (isLoopback(registry)) return 'http-first';
  return insecure ? 'https-first' : 'https';
}
