import type { LoginScope } from './types.js';

/** The keys under which the login for a repository may stand, most specific first. */
export function credentialKeys(registry: string, repository: string | undefined): string[] {
  const components = repository === undefined || repository === '' ? [] : repository.split('/');
  return [...components.map((_, at) => components.slice(0, components.length - at)), []].map((path) =>
    [registry, ...path].join('/'),
  );
}

/** The normal form of a scope's key: `host[:port][/path]`. */
export function scopeKey({ registry, path }: LoginScope): string {
  return path === '' ? normalRegistry(registry) : `${normalRegistry(registry)}/${path}`;
}

/** The key as it is written: Docker finds the login of Docker Hub under its address of old only. */
export function writtenKey(scope: LoginScope): string {
  return scope.path === '' ? helperServer(scopeKey(scope)) : scopeKey(scope);
}

/** The registry's one name: lower case, and `docker.io` for all names of Docker Hub. */
export function normalRegistry(registry: string): string {
  const host = registry.toLowerCase();
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

/** The name by which credential helpers know a registry: Docker Hub's is an address of old. */
export function helperServer(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

/** `https://index.docker.io/v1/` and `docker.io` are one key; so are `https://host` and `host`. */
export function normalKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/$/, '')
    .replace(/\/+$/, '');
  const name = /^https?:\/\//i.test(key) ? bare.replace(/\/v[12]$/, '') : bare;
  const slash = name.indexOf('/');
  return slash < 0 ? normalRegistry(name) : `${normalRegistry(name.slice(0, slash))}${name.slice(slash)}`;
}
