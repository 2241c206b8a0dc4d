import { EngineshedError, type ErrorCode } from '../errors/index.js';
import { networkError } from './network-error.js';
import { type ProxyServer, proxyName } from './proxy.js';
import { publicUrl } from './url.js';

/** The error of a proxy that could not be reached, or did not speak as one; the codes are those of `networkError`. */
export function proxyUnreachable(error: unknown, proxy: ProxyServer, url: URL): EngineshedError {
  if (error instanceof EngineshedError) return error;
  const { code, message, hint } = networkError(error, proxy.url);
  return new EngineshedError(code, `${message}, which is ${proxyName(proxy)} for ${url.host}`, {
    hint: code === 'TLS_FAILED' ? hint : withoutProxy(proxy, url),
    cause: error,
    details: { url: publicUrl(url) },
  });
}

/**
 * The error of a proxy that does not let a request through: 407 `UNAUTHORIZED`, 401 and 403 `FORBIDDEN`, 502 to 504
 * `NETWORK_FAILED`, others `REGISTRY_UNAVAILABLE`.
 * @param mediaType of its answer: a web page is told as such (C12)
 */
export function proxyRefusal(
  status: number,
  mediaType: string,
  proxy: ProxyServer,
  url: URL,
): EngineshedError {
  const page = mediaType.includes('html') ? ' with a web page' : '';
  const message = `${capital(proxyName(proxy))} answered ${status}${page} to the request for ${url.host}`;
  return new EngineshedError(codeOf(status), message, {
    hint: status === 407 ? loginHint(proxy) : withoutProxy(proxy, url),
    details: { url: publicUrl(url), status },
  });
}

function codeOf(status: number): ErrorCode {
  if (status === 407) return 'UNAUTHORIZED';
  if (status === 401 || status === 403) return 'FORBIDDEN';
  return status >= 502 && status <= 504 ? 'NETWORK_FAILED' : 'REGISTRY_UNAVAILABLE';
}

function loginHint({ variable, authorization, url }: ProxyServer): string {
  const example = `${url.protocol}//USER:PASSWORD@${url.host}`;
  return authorization === undefined
    ? `It wants a login: put one into ${variable}, as in ${example}. Only basic authentication is supported.`
    : `It does not accept the login in ${variable}. Characters such as "@" and "/" must be written as %40 and %2F.`;
}

function withoutProxy({ variable }: ProxyServer, url: URL): string {
  return `Check ${variable}. If ${url.hostname} is to be reached without a proxy, add it to NO_PROXY.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
