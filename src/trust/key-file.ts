import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EngineshedError, fromNamedPath } from '../errors/index.js';
import { invalid } from './key-errors.js';
import { maxPemLength, pemBlock } from './pem.js';

/** The bits of a mode that let others than the owner do anything. */
const otherUsers = 0o077;

/**
 * Reads the file of a private key; a pipe is read too. As ssh does, it refuses a file of this user that others may read or write.
 * @param userId the number of this user; undefined where the system has none, and access is not told by modes
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `KEY_INVALID` for one that is too long to be a key
 */
export function readPrivateKeyFile(path: string, userId: number | undefined): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { mode, uid } = fstatSync(fd);
      const text = readBounded(fd, path);
      // What is no secret is told as what it is, by who parses it.
      const isPublic = pemBlock(text)?.form === 'PUBLIC KEY';
      if (!isPublic && uid === userId && (mode & otherUsers) !== 0) throw exposed(path, mode);
      return text;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fromNamedPath({ what: 'file', path, purpose: 'with a private key' }, error);
  }
}

function readBounded(fd: number, path: string): string {
  const buffer = Buffer.alloc(maxPemLength + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read)
    read = readSync(fd, buffer, length, buffer.length - length, null);
  const text = buffer.toString('utf8', 0, length);
  buffer.fill(0);
  if (length > maxPemLength) throw invalid(path, 'is too long to be a key');
  return text;
}

function exposed(path: string, mode: number): EngineshedError {
  return new EngineshedError(
    'FILE_PERMISSION',
    `Others may use the private key ${path}: its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}`,
    {
      hint: `Keep it to yourself: chmod 600 ${path}. Who else could read it until now may have it, and can sign as you.`,
      details: { path },
    },
  );
}
