import { readFile, stat } from 'node:fs/promises';
import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import { fileVariable } from './environment.js';
import { normalKey, normalRegistry } from './keys.js';
import type { Credential } from './types.js';

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

/** A file as it stands: the keys that matter here, and all others as they are. */
export type FileContent = v.InferOutput<typeof fileSchema>;

/** `config` is the form of Docker's `config.json` and Podman's `auth.json`; `legacy` that of `.dockercfg`: entries only. */
export type FileForm = 'config' | 'legacy';

/** What a credential file says, with registries and keys in their normal form. */
export interface CredentialFile {
  /** The helper for one registry, by registry. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all registries. */
  readonly store: string | undefined;
  /** The keys of its entries, those without a login too. */
  readonly keys: readonly string[];
  /**
   * The login under a key in normal form.
   * @throws EngineshedError `CREDENTIALS_FAILED` where that entry is malformed
   */
  login(key: string): Credential | undefined;
}

/**
 * Reads a credential file; undefined where there is none. No part of its content gets into an error.
 * @throws EngineshedError `CREDENTIALS_FAILED`
 */
export async function readCredentialFile(path: string, form: FileForm): Promise<CredentialFile | undefined> {
  const bytes = await readIfThere(path);
  return bytes === undefined ? undefined : parseCredentialFile(bytes, path, form);
}

/**
 * Parses the content of a credential file.
 * @param origin where it comes from, for messages
 * @throws EngineshedError `CREDENTIALS_FAILED`
 */
export function parseCredentialFile(bytes: Buffer, origin: string, form: FileForm): CredentialFile {
  const content = parseContent(bytes, origin, form);
  const { auths = {}, credHelpers = {}, credsStore } = content;
  const entries = new Map(Object.entries(auths).map(([key, entry]) => [normalKey(key), entry]));
  return {
    helpers: new Map(
      Object.entries(credHelpers).map(([key, name]) => [normalRegistry(normalKey(key)), name]),
    ),
    store: credsStore === '' ? undefined : credsStore,
    keys: [...entries.keys()],
    login: (key) => (entries.has(key) ? parseEntry(entries.get(key), key, origin) : undefined),
  };
}

/**
 * The content of a credential file, for changing it; empty where there is none.
 * @throws EngineshedError `CREDENTIALS_FAILED`
 */
export async function readContent(path: string): Promise<FileContent> {
  return parseContent((await readIfThere(path)) ?? Buffer.alloc(0), path, 'config');
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

function parseContent(bytes: Buffer, origin: string, form: FileForm): FileContent {
  if (bytes.toString('utf8').trim() === '') return {};
  let json: unknown;
  try {
    json = parseJson(bytes, 'credential file');
  } catch {
    // The parser's message may quote what stands there.
    throw failed(origin, 'it is not valid JSON');
  }
  const result = v.safeParse(fileSchema, form === 'legacy' ? { auths: json } : json);
  if (result.success) return result.output;
  throw failed(origin, '"auths" and "credHelpers" must be objects, and helpers must be names');
}

function parseEntry(entry: unknown, key: string, origin: string): Credential | undefined {
  const result = v.safeParse(entrySchema, entry);
  if (!result.success) throw failed(origin, `the entry for ${key} is malformed`);
  const { auth = '', identitytoken, registrytoken } = result.output;
  const decoded = auth === '' ? undefined : decodeAuth(auth);
  if (auth !== '' && decoded === undefined) throw failed(origin, `"auth" of ${key} is malformed`);
  const username = decoded?.username ?? result.output.username ?? '';
  const password = decoded?.password ?? result.output.password ?? '';
  if (registrytoken && !/^[\x21-\x7e]+$/.test(registrytoken))
    throw failed(origin, `"registrytoken" of ${key} is malformed`);
  if (registrytoken) return { kind: 'registryToken', username, token: registrytoken, origin };
  if (identitytoken) return { kind: 'identityToken', username, token: identitytoken, origin };
  if (username === '' && password === '') return undefined;
  return { kind: 'password', username, password, origin };
}

/** `auth` is base64 of `user:password`; some tools end it with NUL bytes. */
function decodeAuth(auth: string): { username: string; password: string } | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(auth)) return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 1 || /[\0\r\n]/.test(text)) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function failed(origin: string, fault: string): EngineshedError {
  const isFile = origin !== fileVariable;
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `The credential ${isFile ? 'file' : 'variable'} ${origin} cannot be used: ${fault}`,
    isFile
      ? {
          hint: 'Log in again with the tool that wrote it, or correct the file.',
          details: { path: origin },
        }
      : { hint: `${origin} has the content of a file such as Docker's config.json.` },
  );
}
