import { isLoopback } from '../oci/index.js';
import { isPrivateChannel } from './url.js';

/**
 * Decides whether the credentials of a registry may be shown to the token service (realm) that the registry names.
 *
 * 1. The registry itself must be spoken to over https (or be on this machine): else anybody on the way could have written
 *    the challenge. Challenges of hosts that the registry redirected to never get this far.
 * 2. The token service must be reached over https, or be on this machine as the registry is.
 * 3. Its host must belong to the registry: the same host (any port), above or below it in the name system
 *    (`registry.gitlab.com` and `gitlab.com`), or of the same organisation's domain (`auth.docker.io` and `docker.io`,
 *    `registry.digitalocean.com` and `api.digitalocean.com`); or else be one that the user logged in to as well.
 *
 * Where it does not hold the token is asked for anonymously.
 * @param registry `host[:port]` of the registry, Docker Hub's is `docker.io`
 */
export async function realmMayHaveCredentials(
  registry: string,
  registryIsPrivate: boolean,
  realm: URL,
  isLoggedIn: (host: string) => Promise<boolean>,
): Promise<boolean> {
  if (!registryIsPrivate || !isPrivateChannel(realm)) return false;
  if (isLoopback(realm.host) && !isLoopback(registry)) return false;
  return isRelated(hostname(registry), hostname(realm.host)) || (await isLoggedIn(realm.host));
}

function isRelated(registry: string, realm: string): boolean {
  if (registry === realm) return true;
  if (isAddress(registry) || isAddress(realm)) return false;
  if (!registry.includes('.') || !realm.includes('.')) return false;
  return (
    realm.endsWith(`.${registry}`) ||
    registry.endsWith(`.${realm}`) ||
    organisation(registry) === organisation(realm)
  );
}

/** The part of a name that an organisation registers: two labels, or three below such as `co.uk` and `com.au`. */
function organisation(host: string): string {
  const labels = host.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  return labels.slice(top.length === 2 && second.length <= 3 ? -3 : -2).join('.');
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || /^[\d.]+$/.test(host);
}

function hostname(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}
