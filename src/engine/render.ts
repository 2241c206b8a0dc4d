import { EngineshedError } from '../errors/index.js';
import { isVariableName } from './names.js';
import type { EngineEnvironment } from './types.js';

/** The forms that an environment can be printed in. */
export const environmentFormats = ['sh', 'bash', 'zsh', 'fish', 'powershell', 'dotenv', 'json'] as const;

/** A form that an environment can be printed in. */
export type EnvironmentFormat = (typeof environmentFormats)[number];

/**
 * Prints an environment as text that gives exactly these values when it is read.
 *
 * - `sh`, `bash`, `zsh`, `fish`, `powershell`: statements to evaluate, which export and unset; each ends with `;`, so that
 *   an `eval` that joins lines by spaces still works. PowerShell before 7.5 takes an empty value for "unset".
 * - `dotenv`: lines `NAME=value` that Node's `--env-file` and python-dotenv read alike, and `docker --env-file` too where a
 *   value needs no quotes. There is no word for "unset" in it: such variables are left out. What those readers do not
 *   agree on is refused: carriage returns, `${`, both kinds of quotes in one value, and backslashes that one of them
 *   takes for an escape.
 * - `json`: one line, the object `{"set": {NAME: value}, "unset": [NAME]}`.
 *
 * @returns lines that each end with a newline; nothing for an empty environment in all forms but `json`
 * @throws EngineshedError `CONFIG_INVALID` for a name that is no variable's, and for a value that has a NUL, is no valid
 *   Unicode, or cannot be written in `format`
 */
export function renderEnvironment(environment: EngineEnvironment, format: EnvironmentFormat): string {
  const entries = Object.entries(environment.set);
  for (const name of [...entries.map(([key]) => key), ...environment.unset]) checkName(name);
  for (const [name, value] of entries) checkValue(name, value);
  if (format === 'json') return `${JSON.stringify({ set: environment.set, unset: environment.unset })}\n`;
  const { set, unset } = writers[format];
  return [...entries.map(([name, value]) => set(name, value)), ...environment.unset.map(unset)].join('');
}

interface Writer {
  readonly set: (name: string, value: string) => string;
  readonly unset: (name: string) => string;
}

/** A text as one word of any POSIX shell. */
export function quotePosix(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const posix: Writer = {
  set: (name, value) => `export ${name}=${quotePosix(value)};\n`,
  unset: (name) => `unset -v ${name};\n`,
};

const writers: Record<Exclude<EnvironmentFormat, 'json'>, Writer> = {
  sh: posix,
  bash: posix,
  zsh: posix,
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}';\n`,
    // Erasing what is not there is a failure to fish.
    unset: (name) => `set -e ${name}; or true;\n`,
  },
  powershell: {
    // PowerShell takes the typographic single quotes for quotes as well; doubled, each stands for itself.
    set: (name, value) => `$env:${name} = '${value.replace(/['\u2018-\u201b]/g, '$&$&')}';\n`,
    unset: (name) => `$env:${name} = $null;\n`,
  },
  dotenv: { set: (name, value) => `${name}=${dotenvValue(name, value)}\n`, unset: () => '' },
};

function dotenvValue(name: string, value: string): string {
  if (value.includes('\r')) throw inexpressible(name, 'a carriage return', 'dotenv');
  if (value.includes('${')) throw inexpressible(name, '"${", which some readers expand,', 'dotenv');
  if (/^[^\s\p{Cc}'"`#$]*$/u.test(value)) return value;
  if (!value.includes("'")) {
    if (/\\\\|\\$/.test(value)) throw inexpressible(name, 'backslashes beside what needs quotes', 'dotenv');
    return `'${value}'`;
  }
  if (/["\\]/.test(value)) throw inexpressible(name, 'both kinds of quotes, or a backslash,', 'dotenv');
  return `"${value}"`;
}

function checkName(name: string): void {
  if (isVariableName(name)) return;
  throw new EngineshedError('CONFIG_INVALID', `"${name}" cannot name an environment variable`, {
    hint: 'Such a name has letters, digits and "_", and does not start with a digit.',
  });
}

function checkValue(name: string, value: string): void {
  if (value.includes('\0')) throw inexpressible(name, 'a NUL character', 'an environment');
  if (/\p{Surrogate}/u.test(value)) throw inexpressible(name, 'half a surrogate pair', 'UTF-8');
}

function inexpressible(name: string, what: string, where: string): EngineshedError {
  return new EngineshedError(
    'CONFIG_INVALID',
    `The value of ${name} has ${what} which cannot be written in ${where}`,
    { hint: where === 'dotenv' ? 'Use another form, for instance JSON.' : undefined },
  );
}
