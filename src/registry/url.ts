import { EngineshedError } from '../errors/index.js';
import { isLoopback } from '../oci/index.js';

/** An address as it may be shown: without user info, query and fragment, where secrets travel. */
export function publicUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/**
 * Parses an address that a server named, relative to the address that it was asked at.
 * @param what names its origin in the error, for instance `upload location`
 * @throws EngineshedError `RESPONSE_INVALID` where it is none, is not http(s), has user info, or leads from https to http
 */
export function parseServerUrl(text: string, from: URL, what: string): URL {
  const invalid = (fault: string, hint?: string) =>
    new EngineshedError('RESPONSE_INVALID', `${from.host} named a ${what} that ${fault}`, {
      hint,
      details: { url: publicUrl(from) },
    });
  const url = URL.canParse(text, from.href) ? new URL(text, from) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('is no http(s) address');
  if (url.username !== '' || url.password !== '') throw invalid('has a user name or password in it');
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw invalid(
      `leads from https to http (${publicUrl(url)})`,
      'Behind a TLS proxy, the registry must be told so (X-Forwarded-Proto, or its external URL).',
    );
  }
  url.hash = '';
  return url;
}

/** Tells whether what travels to this address stays secret: over https, or without leaving this machine. */
export function isPrivateChannel(url: URL): boolean {
  return url.protocol === 'https:' || isLoopback(url.host);
}
