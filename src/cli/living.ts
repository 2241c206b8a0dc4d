import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EngineshedError, fromNamedPath } from '../errors/index.js';
import type { Host } from './host.js';

/** The most characters of a list. */
const maxLength = 16 * 1024 * 1024;

/**
 * The lines of a file that are not empty; of the standard input for `-`.
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `USAGE` for one that is too long
 */
export async function readLines(host: Host, file: string): Promise<string[]> {
  const text = file === '-' ? await readAll(host.process.stdin) : readText(resolve(host.directory, file));
  if (text.length > maxLength)
    throw new EngineshedError('USAGE', `The list ${file} is longer than any such list`);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/**
 * The branches of a list: one name a line, or the lines of `git ls-remote`, of which only branches count.
 * @throws EngineshedError `USAGE` for a line that names no branch, and for a list without any, which would be that of a failed
 * command
 */
export function parseBranches(lines: readonly string[]): string[] {
  const branches = lines.flatMap((line) => {
    const ref = remoteRef(line);
    const [, name] = /^refs\/heads\/(.+)$/.exec(ref ?? line) ?? [];
    if (name !== undefined) return [name];
    if (ref !== undefined) return [];
    if (/^refs\/|[\s~^:?*[\\]/.test(line)) throw misread(line, 'branch');
    return [line];
  });
  if (branches.length === 0) {
    throw new EngineshedError(
      'USAGE',
      'The list of branches is empty, and no repository is without branches',
      {
        hint: 'Look whether the command that wrote it has failed.',
      },
    );
  }
  if (branches.every((name) => name.startsWith('origin/'))) {
    throw new EngineshedError(
      'USAGE',
      'The list has the names of remote-tracking branches, all of "origin"',
      {
        hint: 'List the branches themselves: git ls-remote --heads origin',
      },
    );
  }
  return branches;
}

/**
 * The pull requests of a list: one number a line, with or without `#`. There may be none.
 * @throws EngineshedError `USAGE` for a line that is no number
 */
export function parsePullRequests(lines: readonly string[]): number[] {
  return lines.map((line) => {
    const number = /^#?([1-9]\d{0,8})$/.exec(line)?.[1];
    if (number === undefined) throw misread(line, 'pull request');
    return Number(number);
  });
}

/** The ref of a line of `git ls-remote`. */
function remoteRef(line: string): string | undefined {
  return /^[0-9a-f]{40,64}\s+(\S+)$/.exec(line)?.[1];
}

function misread(line: string, what: string): EngineshedError {
  return new EngineshedError(
    'USAGE',
    `The list has the line "${line.slice(0, 100)}", which names no ${what}`,
    {
      hint:
        what === 'branch'
          ? 'Write one name a line, or what this prints: git ls-remote --heads origin'
          : 'Write one number a line.',
    },
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fromNamedPath({ what: 'file', path }, error);
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) {
    text += chunk;
    if (text.length > maxLength) break;
  }
  return text;
}
