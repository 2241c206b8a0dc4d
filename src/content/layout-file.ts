import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { EngineshedError } from '../errors/index.js';

/**
 * Reads a small file of an image layout, which may come from anybody: a pipe or a device in its place, or a link to one, would
 * keep us reading for ever.
 * @param limit the most bytes that it may have
 * @param what names it in errors
 * @throws EngineshedError `LAYOUT_INVALID` where it is no regular file, or larger; NodeJS.ErrnoException
 */
export function readLayoutFile(path: string, limit: number, what: string): Buffer {
  const { O_RDONLY, O_NONBLOCK = 0 } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw noRegularFile(what);
    if (found.size > limit)
      throw new EngineshedError('LAYOUT_INVALID', `${what} has ${found.size} bytes; ${limit} are allowed`, {
        details: { expected: limit, actual: found.size },
      });
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The error of something in an image layout that is not what content is kept in. */
export function noRegularFile(what: string): EngineshedError {
  return new EngineshedError('LAYOUT_INVALID', `${what} is no regular file`, {
    hint: 'The layout is damaged or not to be trusted.',
  });
}
