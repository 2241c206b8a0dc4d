import { nameFault } from './names.js';

/** A key at the top of a TOML file, as somebody finds it who reads lines and knows no TOML. */
export type TopLine =
  /** The name that it has. */
  | { readonly name: string; readonly line: number }
  /** It is there, and is not written as `KEY = "NAME"`. */
  | { readonly fault: string; readonly line: number };

/**
 * Finds `KEY = "NAME"` or `KEY = 'NAME'`: on a line of its own, before the first line that begins with `[`, with nothing behind it
 * but a comment. Every shim reads a project's pin this way (`src/store/shim.sh`), so both must agree in each case; and a catalog
 * whose TOML says something else is refused.
 * @returns undefined where no line is about the key
 */
export function topLine(text: string, key: string): TopLine | undefined {
  for (const [at, content] of text.split('\n').entries()) {
    const line = content.replace(/^\ufeff?[ \t]*/, '');
    if (line.startsWith('[')) return undefined;
    if (!line.startsWith(key)) continue;
    const rest = line.slice(key.length).replace(/^[ \t]+/, '');
    if (!rest.startsWith('=')) continue;
    return { ...readValue(rest.slice(1)), line: at + 1 };
  }
  return undefined;
}

function readValue(text: string): { name: string } | { fault: string } {
  const [, double, single, rest = ''] = /^[ \t]*(?:"([^"]*)"|'([^']*)')[ \t]*(.*)$/s.exec(text) ?? [];
  const name = double ?? single;
  if (name === undefined || !(['', '\r'].includes(rest) || rest.startsWith('#')))
    return { fault: 'must be one name in quotes, on the line of the key' };
  const fault = nameFault(name);
  return fault === undefined ? { name } : { fault: `cannot be a name: ${fault}` };
}
