import { EngineshedError } from '../errors/index.js';
import { isLoopback } from '../oci/index.js';
import { bypassesProxy } from './no-proxy.js';

/** A proxy, and which variable named it. */
export interface ProxyServer {
  /** Its address, `http:` or `https:`, without user info. */
  readonly url: URL;
  /** The value of `Proxy-Authorization`, where its address has a user name. */
  readonly authorization: string | undefined;
  readonly variable: string;
}

/** Environment variables, as far as they are set. */
export type Environment = Readonly<Record<string, string | undefined>>;

const variables = {
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
} as const;

/**
 * The proxy for an address, as curl and Go find it: `https_proxy` or `http_proxy`, by the scheme of what is asked for, else
 * `all_proxy`; lower case before upper case, and an empty one counts as not set. `no_proxy` names hosts that are reached
 * without one (see `bypassesProxy`); this machine itself always is. `HTTP_PROXY` does not count where `REQUEST_METHOD` is set:
 * in a CGI program it is a header that a client chose.
 * @throws EngineshedError `CONFIG_INVALID` where the variable names no http(s) proxy; its value is not told
 */
export function proxyFor(url: URL, environment: Environment): ProxyServer | undefined {
  const names = url.protocol === 'https:' ? variables['https:'] : variables['http:'];
  const variable = names.find((name) => environment[name] && !isClientsHeader(name, environment));
  if (variable === undefined || isLoopback(url.host)) return undefined;
  if (bypassesProxy(environment.no_proxy || environment.NO_PROXY || '', url)) return undefined;
  return parseProxy(environment[variable] ?? '', variable);
}

/** The proxy as messages name it. */
export function proxyName({ url, variable }: ProxyServer): string {
  return `the proxy ${url.origin} (${variable})`;
}

function isClientsHeader(variable: string, environment: Environment): boolean {
  return variable === 'HTTP_PROXY' && environment.REQUEST_METHOD !== undefined;
}

function parseProxy(value: string, variable: string): ProxyServer {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || !(url.protocol === 'http:' || url.protocol === 'https:')) {
    const problem = url === undefined || url.hostname === '' ? 'no proxy' : `a proxy by "${url.protocol}//"`;
    throw new EngineshedError('CONFIG_INVALID', `The environment variable ${variable} names ${problem}`, {
      hint: 'Write http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host where it wants a login. Other sorts of proxies are not supported.',
    });
  }
  const { username, password } = url;
  const login = `${decoded(username)}:${decoded(password)}`;
  const isNamed = username !== '' || password !== '';
  return {
    url: new URL(url.origin),
    authorization: isNamed ? `Basic ${Buffer.from(login).toString('base64')}` : undefined,
    variable,
  };
}

/** A `%` that encodes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
