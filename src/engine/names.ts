import { EngineshedError } from '../errors/index.js';

const nameGrammar = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const variableGrammar = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Checks an engine's name, so that it is safe as a file name and cannot pose as an option: 1 to 128 letters, digits, `.`,
 * `_` or `-`, the first a letter or digit.
 * @returns the name
 * @throws EngineshedError `NAME_INVALID`
 */
export function parseEngineName(text: string): string {
  const fault = nameFault(text);
  if (fault === undefined) return text;
  throw new EngineshedError('NAME_INVALID', `"${text.slice(0, 140)}" is not an engine name: ${fault}`, {
    hint: 'A name has 1 to 128 letters, digits, ".", "_" or "-", and starts with a letter or a digit.',
  });
}

/**
 * What keeps `text` from being the name of an engine, of a source or of a part type, which share one grammar; undefined
 * where nothing does.
 */
export function nameFault(text: string): string | undefined {
  if (nameGrammar.test(text)) return undefined;
  if (text === '') return 'it is empty';
  if (/^[._-]/.test(text)) return `it starts with "${text.charAt(0)}"`;
  const bad = /[^A-Za-z0-9._-]/u.exec(text)?.[0];
  return bad === undefined
    ? `it has ${text.length} characters, 128 are allowed`
    : `it has the character "${bad}"`;
}

/** Tells whether `text` can name an environment variable in every shell (POSIX, "Name"). */
export function isVariableName(text: string): boolean {
  return variableGrammar.test(text);
}
