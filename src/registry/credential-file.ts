import { readFile, stat } from 'node:fs/promises';
import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import type { Credential } from './credential.js';

/** The most bytes that a credential file may have: 1 MiB. */
const maxFileBytes = 1024 * 1024;

const text = v.optional(v.string());
const entrySchema = v.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
/** To valibot a list would do for an object. */
const object = v.custom<Record<string, unknown>>(
  (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
);
const fileSchema = v.pipe(
  object,
  v.looseObject({
    auths: v.optional(object),
    credHelpers: v.optional(v.pipe(object, v.record(v.string(), v.string()))),
    credsStore: text,
  }),
);

/** What a credential file says, with registries and keys in their normal form. */
export interface CredentialFile {
  /** The helper for one registry, by registry. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all registries. */
  readonly store: string | undefined;
  /**
   * The login under a key of {@link credentialKeys}.
   * @throws EngineshedError `CREDENTIALS_FAILED` where that entry is malformed
   */
  login(key: string): Credential | undefined;
}

/**
 * Reads a file in the format of Docker's `config.json` and Podman's `auth.json`; undefined where there is none. No part of
 * its content gets into an error.
 * @throws EngineshedError `CREDENTIALS_FAILED`
 */
export async function readCredentialFile(path: string): Promise<CredentialFile | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined || bytes.toString('utf8').trim() === '') return undefined;
  const { auths = {}, credHelpers = {}, credsStore } = parseFile(bytes, path);
  const entries = new Map(Object.entries(auths).map(([key, entry]) => [normalKey(key), entry]));
  return {
    helpers: new Map(
      Object.entries(credHelpers).map(([key, name]) => [normalRegistry(normalKey(key)), name]),
    ),
    store: credsStore === '' ? undefined : credsStore,
    login: (key) => (entries.has(key) ? parseEntry(entries.get(key), key, path) : undefined),
  };
}

/** The keys under which the login for a repository may stand, most specific first. */
export function credentialKeys(registry: string, repository: string | undefined): string[] {
  const components = repository === undefined || repository === '' ? [] : repository.split('/');
  return [...components.map((_, at) => components.slice(0, components.length - at)), []].map((path) =>
    [registry, ...path].join('/'),
  );
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
function normalKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/$/, '')
    .replace(/\/+$/, '');
  const name = /^https?:\/\//i.test(key) ? bare.replace(/\/v[12]$/, '') : bare;
  const slash = name.indexOf('/');
  return slash < 0 ? normalRegistry(name) : `${normalRegistry(name.slice(0, slash))}${name.slice(slash)}`;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    if ((await stat(path)).size > maxFileBytes) throw failed(path, `it has more than ${maxFileBytes} bytes`);
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (error instanceof EngineshedError) throw error;
    throw failed(path, `it cannot be read (${code})`);
  }
}

function parseFile(bytes: Uint8Array, path: string): v.InferOutput<typeof fileSchema> {
  let json: unknown;
  try {
    json = parseJson(bytes, 'credential file');
  } catch {
    // The parser's message may quote what stands there.
    throw failed(path, 'it is not valid JSON');
  }
  const result = v.safeParse(fileSchema, json);
  if (result.success) return result.output;
  throw failed(path, '"auths" and "credHelpers" must be objects, and helpers must be names');
}

function parseEntry(entry: unknown, key: string, path: string): Credential | undefined {
  const result = v.safeParse(entrySchema, entry);
  if (!result.success) throw failed(path, `the entry for ${key} is malformed`);
  const { auth = '', identitytoken, registrytoken } = result.output;
  const decoded = auth === '' ? undefined : decodeAuth(auth);
  if (auth !== '' && decoded === undefined) throw failed(path, `"auth" of ${key} is malformed`);
  const username = decoded?.username ?? result.output.username ?? '';
  const password = decoded?.password ?? result.output.password ?? '';
  if (registrytoken) return { kind: 'registryToken', username, token: registrytoken, origin: path };
  if (identitytoken) return { kind: 'identityToken', username, token: identitytoken, origin: path };
  if (username === '' && password === '') return undefined;
  return { kind: 'password', username, password, origin: path };
}

/** `auth` is base64 of `user:password`; some tools end it with NUL bytes. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(auth)) return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 1 || /[\0\r\n]/.test(text)) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function failed(path: string, fault: string): EngineshedError {
  return new EngineshedError('CREDENTIALS_FAILED', `The credential file ${path} cannot be used: ${fault}`, {
    hint: 'Log in again with the tool that wrote it, or correct the file.',
    details: { path },
  });
}
