import { closeSync, openSync, readSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { EngineshedError } from '../errors/index.js';

/** What Windows starts itself. */
const startable = new Set(['.exe', '.com', '.cmd', '.bat']);

/** The most bytes of a first line that are read. */
const maxLineBytes = 256;

/**
 * What runs a file on Windows, by its first line, as `env` finds it: `bash` for `#!/bin/bash`, `node --no-warnings` for
 * `#!/usr/bin/env -S node --no-warnings`. Pure but for reading the file.
 * @returns the name of a program, and the words before the file; undefined where Windows starts it itself, by its extension
 * @throws EngineshedError `PATH_NOT_FOUND` for a file that says neither; NodeJS.ErrnoException
 */
export function interpreterOf(file: string): readonly string[] | undefined {
  if (startable.has(extname(file).toLowerCase())) return undefined;
  const words =
    /^#!([^\r\n]*)[\r\n]/
      .exec(firstBytes(file))?.[1]
      ?.split(/[ \t]+/)
      .filter(Boolean) ?? [];
  const [first = '', ...rest] = words;
  const isEnv = basename(first) === 'env';
  const [program = '', ...options] = isEnv
    ? rest.filter((word) => word !== '-S')
    : [basename(first), ...rest];
  if (/^\w[\w.+-]*$/.test(program) && options.every((word) => /^[\w.,:/+=-]+$/.test(word)))
    return [program, ...options];
  throw new EngineshedError('PATH_NOT_FOUND', `Windows cannot run ${file}`, {
    hint: 'A command there is a .exe, .com, .cmd or .bat file, or a script whose first line names a program, such as "#!/usr/bin/env bash".',
    details: { path: file },
  });
}

function firstBytes(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(maxLineBytes);
    return `${buffer.toString('latin1', 0, readSync(fd, buffer, 0, maxLineBytes, 0))}\n`;
  } finally {
    closeSync(fd);
  }
}
