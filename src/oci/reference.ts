import { isIPv6 } from 'node:net';
import { EngineshedError } from '../errors/index.js';
import { type Digest, isDigest, parseDigest } from './digest.js';

/** An image in a registry. `registry` is `host[:port]`; without tag and digest it names the repository. */
export interface RegistryReference {
  readonly transport: 'registry';
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** An image in an OCI image layout directory. */
export interface LayoutReference {
  readonly transport: 'oci';
  /** The directory, as written. */
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** An image in a tar archive (containers-transports(5)). */
export interface ArchiveReference {
  readonly transport: 'oci-archive' | 'docker-archive';
  /** The file, as written. */
  readonly path: string;
  /** In a docker-archive the name of an image in full: `docker.io/library/busybox:1`. */
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** An image on this machine's disk. */
export type PathReference = LayoutReference | ArchiveReference;

/** Where an image is: in a registry, in an OCI image layout, or in an archive. */
export type Reference = RegistryReference | PathReference;

const pathTransports = ['oci', 'oci-archive', 'docker-archive'] as const;

const domainName = /^(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:\.(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*$/i;
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** A directory may have an `@` in its name: what follows is meant as a digest where it has the look of one. */
const looksLikeDigest = /^(?:sha\d+:[^/]*|[a-z0-9+._-]+:[A-Za-z0-9=_-]{32,})$/;
/** The most characters of all that names an image in a registry, or a registry with a path. */
const maxLength = 1024;
/** The most characters of `registry/repository`, as distribution limits it. */
const maxNameLength = 255;

/**
 * Parses a reference: `registry/repository[:tag][@digest]` by the grammar of the distribution project (`docker.io` and
 * `library/` are filled in as Docker does), `oci:DIR[:tag][@digest]`, `oci-archive:FILE[:tag][@digest]` or
 * `docker-archive:FILE[:NAME[:tag]]`.
 * @throws EngineshedError `REFERENCE_INVALID` (with the place of the fault), `DIGEST_INVALID`
 */
export function parseReference(text: string): Reference {
  const transport = pathTransports.find((name) => text.startsWith(`${name}:`));
  if (transport === 'docker-archive') return parseDockerArchive(text);
  if (transport !== undefined) return parsePath(text, transport);
  checkLength(text);
  if (/^[a-z]+:\/\//i.test(text))
    throw invalid(text, 'it starts with a URL scheme', 'Leave the scheme out: host/repository:tag.');
  const { name, tag, digest } = splitName(text);
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasHost = namesRegistry(name);
  if (hasHost) checkRegistry(text, first);
  const registry = hasHost ? normalHost(first) : 'docker.io';
  let repository = hasHost ? name.slice(slash + 1) : name;
  checkRepository(text, repository);
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`;
  if (`${registry}/${repository}`.length > maxNameLength)
    throw invalid(text, `its name is longer than ${maxNameLength} characters`);
  return { transport: 'registry', registry, repository, ...optional(text, tag, digest) };
}

/**
 * Tells whether a reference to a registry begins with the registry, as Docker judges it: what stands before the first `/`
 * has a `.`, a `:`, a `[` or an upper-case letter, or is `localhost`.
 */
export function namesRegistry(text: string): boolean {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  return /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
}

/**
 * Parses a registry with an optional path below it, such as `mirror.example.com:5000/hamlet-io`. A host must be one that
 * {@link parseReference} takes for a host: with a dot or a port, or `localhost`.
 * @throws EngineshedError `REFERENCE_INVALID`
 */
export function parseRegistry(text: string): { registry: string; path: string } {
  checkLength(text);
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '' : text.slice(slash + 1).replace(/\/+$/, '');
  if (/^[a-z]+:\/\//i.test(text))
    throw invalid(text, 'it starts with a URL scheme', 'Leave the scheme out: host[:port][/path].');
  checkRegistry(text, host);
  if (path !== '') checkRepository(text, path);
  return { registry: normalHost(host), path };
}

/** The text form of a reference; {@link parseReference} reads it back. */
export function formatReference(reference: Reference): string {
  const name =
    reference.transport === 'registry'
      ? `${reference.registry}/${reference.repository}`
      : `${reference.transport}:${reference.path}`;
  return `${name}${reference.tag === undefined ? '' : `:${reference.tag}`}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

/**
 * The name without the port of https: who writes it is at the same registry.
 * @param name `HOST[:PORT]`, with a path or without one
 */
export function withoutDefaultPort(name: string): string {
  return name.replace(/^([^/]*):443(?=\/|$)/, '$1');
}

/** What a target is asked for: the digest where there is one, else the tag, else `latest`. */
export function wantedOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/**
 * Checks a tag against the grammar of the distribution specification.
 * @throws EngineshedError `REFERENCE_INVALID`
 */
export function parseTag(text: string): string {
  if (!tagGrammar.test(text)) {
    throw new EngineshedError(
      'REFERENCE_INVALID',
      `"${text.slice(0, 140)}" is not a tag: ${tagFault(text)}`,
      {
        hint: 'A tag has 1 to 128 letters, digits, "_", "." or "-", and does not start with "." or "-".',
      },
    );
  }
  return text;
}

/** Tells whether an IP address or name is this machine's own, as Docker judges it for plain http. */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}

/** Tells whether a text names an image on disk: whether it begins with one of the transports for that. */
export function namesPath(text: string): boolean {
  return pathTransports.some((transport) => text.startsWith(`${transport}:`));
}

/** What follows the first colon is the name: a name has colons, and a file with one cannot be told from it. */
function parseDockerArchive(text: string): ArchiveReference {
  const rest = text.slice('docker-archive:'.length);
  const colon = rest.indexOf(':', /^[A-Za-z]:[\\/]/.test(rest) ? 2 : 0);
  const path = checkPath(text, colon < 0 ? rest : rest.slice(0, colon), 'docker-archive:FILE:NAME:TAG');
  if (colon < 0) return { transport: 'docker-archive', path };
  const name = rest.slice(colon + 1);
  const image = namesPath(name) ? undefined : parseReference(name);
  if (image?.transport !== 'registry' || image.digest !== undefined)
    throw invalid(text, `"${name}" is no name of an image with a tag`, 'Write docker-archive:FILE:NAME:TAG.');
  const tag = `${image.registry}/${image.repository}:${image.tag ?? 'latest'}`;
  return { transport: 'docker-archive', path, tag };
}

function parsePath<T extends 'oci' | 'oci-archive'>(text: string, transport: T) {
  let rest = text.slice(transport.length + 1);
  let digest: string | undefined;
  const at = rest.lastIndexOf('@');
  if (at >= 0 && looksLikeDigest.test(rest.slice(at + 1))) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
  }
  const colon = rest.lastIndexOf(':');
  const drive = /^[A-Za-z]:[\\/]/.test(rest) && colon === 1;
  const hasTag = colon >= 0 && !drive && !rest.slice(colon + 1).includes('/');
  const form = transport === 'oci' ? 'oci:DIRECTORY:tag' : 'oci-archive:FILE:tag';
  const path = checkPath(text, hasTag ? rest.slice(0, colon) : rest, form);
  return { transport, path, ...optional(text, hasTag ? rest.slice(colon + 1) : undefined, digest) };
}

function checkLength(text: string): void {
  if (text.length > maxLength) throw invalid(text.slice(0, 80), `it is longer than ${maxLength} characters`);
}

function checkPath(text: string, path: string, form: string): string {
  if (path === '') throw invalid(text, 'it names no directory or file', `Write ${form}.`);
  if (/[\u0000-\u001f]/.test(path)) throw invalid(text, 'its path has a control character');
  return path;
}

function splitName(text: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) {
    if (/[@/]/.test(digest))
      throw invalid(text, 'what follows "@" is no digest', 'User names do not belong into a reference.');
    parseDigest(digest);
  }
  const colon = named.lastIndexOf(':');
  const isTag = colon > named.lastIndexOf('/');
  return {
    name: isTag ? named.slice(0, colon) : named,
    tag: isTag ? named.slice(colon + 1) : undefined,
    digest,
  };
}

function optional(text: string, tag: string | undefined, digest: string | undefined) {
  if (tag !== undefined && !tagGrammar.test(tag))
    throw invalid(text, `its tag "${tag.slice(0, 140)}" ${tagFault(tag)}`);
  return {
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: parseDigest(digest) }),
  };
}

function checkRegistry(text: string, host: string): void {
  const match = /^(\[[^\]]*\]|[^:[\]]+)(?::(.*))?$/.exec(host);
  const name = match?.[1] ?? '';
  if (name.startsWith('[') ? !isIPv6(name.slice(1, -1)) : !domainName.test(name))
    throw invalid(text, `"${host}" is not a registry host`);
  // Numbers that are no address, and addresses with a zone, cannot be asked.
  if (!URL.canParse(`https://${name}/`)) throw invalid(text, `"${host}" is not a registry host`);
  const port = match?.[2];
  if (port !== undefined && (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535)) {
    throw invalid(text, `":${port}" is not a port`);
  }
  if (!namesRegistry(`${host.toLowerCase()}/`)) {
    throw invalid(
      text,
      `"${host}" would be read as a repository of docker.io`,
      `Write the port too where it is a host: ${host.toLowerCase()}:443.`,
    );
  }
}

function checkRepository(text: string, repository: string): void {
  for (const component of repository.split('/')) {
    if (pathComponent.test(component)) continue;
    const fault =
      component === ''
        ? 'it has an empty path component'
        : component !== component.toLowerCase()
          ? `its path component "${component}" has upper-case letters`
          : `its path component "${component}" is not allowed`;
    throw invalid(
      text,
      fault,
      'Path components are lower-case letters and digits, joined by ".", "_", "__" or "-".',
    );
  }
}

function tagFault(tag: string): string {
  if (tag === '') return 'is empty';
  if (tag.length > 128) return `has ${tag.length} characters, 128 are allowed`;
  if (/^[.-]/.test(tag)) return `starts with "${tag[0]}"`;
  const bad = /[^A-Za-z0-9._-]/.exec(tag)?.[0] ?? '';
  return `has the character "${bad}"`;
}

/** One name for one host, or what is blocked could be asked by another: addresses have several forms, and Docker Hub several names. */
function normalHost(host: string): string {
  const [, name = '', port = ''] = /^(\[.*\]|[^:]*)(.*)$/.exec(host) ?? [];
  const normal = `${new URL(`https://${name}/`).hostname}${port}`;
  return normal === 'index.docker.io' || normal === 'registry-1.docker.io' ? 'docker.io' : normal;
}

function invalid(text: string, fault: string, hint?: string): EngineshedError {
  return new EngineshedError('REFERENCE_INVALID', `"${text}" names no image or registry: ${fault}`, { hint });
}
