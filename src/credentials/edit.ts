import { chownSync, lstatSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { acquireLock, makeDurableDirectories, type Owner, ownedName, replaceFile } from '../files/index.js';
import { type FileContent, readContent } from './file.js';
import { normalKey } from './keys.js';
import type { StorableLogin } from './types.js';

/** The keys of an entry that hold a login, or say whose it is. */
const loginKeys = new Set(['auth', 'username', 'password', 'identitytoken', 'registrytoken']);

/** How many symbolic links in a row a file may be behind. */
const maxLinks = 40;

/**
 * Changes a credential file in one step, under a lock against others of us: whoever reads it meets the old content or the new. It
 * is readable by its owner only. A file that is not there is made; a symbolic link stays one, and its target is written.
 * @param change gives the new content; undefined leaves the file as it is
 * @throws EngineshedError `CREDENTIALS_FAILED` where the file is malformed, `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export async function editCredentialFile(
  path: string,
  owner: Owner,
  change: (content: FileContent) => FileContent | undefined,
): Promise<void> {
  const file = targetOf(resolve(path));
  makeDurableDirectories(dirname(file), 0o700);
  const lock = await acquireLock(`${file}.engineshed-lock`, 'exclusive', owner);
  try {
    const before = statSync(file, { throwIfNoEntry: false });
    if (before !== undefined && !before.isFile()) throw noFile(file);
    const content = change(await readContent(file));
    if (content === undefined) return;
    const temporary = `${file}.engineshed-new-`;
    sweep(temporary);
    const name = `${temporary}${ownedName(owner)}`;
    replaceFile(file, `${JSON.stringify(content, null, '\t')}\n`, name, 0o600);
    if (before !== undefined) keepOwner(file, before);
  } finally {
    lock?.release();
  }
}

/** The content with a login under a key, in place of those that other spellings of the key have. */
export function withLogin(content: FileContent, key: string, login: StorableLogin): FileContent {
  const { auths = {} } = content;
  const known = entriesOf(auths, key)[0]?.[1];
  const others = Object.entries(auths).filter(([other]) => normalKey(other) !== normalKey(key));
  const entry = { ...(isObject(known) ? withoutLoginKeys(known) : {}), ...entryOf(login) };
  return { ...content, auths: Object.fromEntries([...others, [key, entry]]) };
}

/** The content without any login under a key; undefined where there is none. */
export function withoutLogin(content: FileContent, key: string): FileContent | undefined {
  const { auths = {} } = content;
  if (entriesOf(auths, key).length === 0) return undefined;
  const left = Object.entries(auths).filter(([other]) => normalKey(other) !== normalKey(key));
  return { ...content, auths: Object.fromEntries(left) };
}

function entriesOf(auths: Readonly<Record<string, unknown>>, key: string): [string, unknown][] {
  return Object.entries(auths).filter(([other]) => normalKey(other) === normalKey(key));
}

/** As Docker writes it: with an identity token there is a user name, and no password. */
function entryOf(login: StorableLogin): Record<string, string> {
  const password = login.kind === 'password' ? login.password : '';
  const auth = Buffer.from(`${login.username}:${password}`).toString('base64');
  return login.kind === 'password' ? { auth } : { auth, identitytoken: login.token };
}

function withoutLoginKeys(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !loginKeys.has(name)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Where a path leads, also where nothing is there yet. */
function targetOf(path: string, links = 0): string {
  if (links > maxLinks) throw noFile(path);
  const known = lstatSync(path, { throwIfNoEntry: false });
  if (known?.isSymbolicLink())
    return targetOf(resolve(realpathSync(dirname(path)), readlinkSync(path)), links + 1);
  return known === undefined ? path : realpathSync(path);
}

/** Who holds the lock owns every unfinished file: those here are left from processes that died, with logins in them. */
function sweep(prefix: string): void {
  const [directory, start] = [dirname(prefix), basename(prefix)];
  for (const name of readdirSync(directory))
    if (name.startsWith(start)) rmSync(join(directory, name), { force: true });
}

/** Run by the administrator for a user, the file stays the user's. */
function keepOwner(file: string, before: { readonly uid: number; readonly gid: number }): void {
  const { uid, gid } = statSync(file);
  if (uid === before.uid && gid === before.gid) return;
  try {
    chownSync(file, before.uid, before.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

function noFile(path: string): EngineshedError {
  return new EngineshedError('FILE_IN_THE_WAY', `${path} is no file that logins can be stored in`, {
    hint: 'Move it away, or name another file with REGISTRY_AUTH_FILE.',
    details: { path },
  });
}
