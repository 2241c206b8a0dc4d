/** A bare or quoted key, and the dots between keys. */
const keyPart = /\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(\.?)/y;

/**
 * Finds the line of a key in TOML text, for error messages: that of the key itself, or of the nearest table around it. It
 * knows headers, dotted and quoted keys, and that a multi-line string or array has no keys; what is inside an inline table
 * is on the line of that table's key.
 * @param path the keys from the top; one of an array of tables is its number, from 0
 * @returns the line, from 1; undefined where not even the first key was found
 */
export function lineOfKey(text: string, path: readonly string[]): number | undefined {
  let best: { depth: number; line: number } | undefined;
  let table: readonly string[] = [];
  let inside: '"""' | "'''" | undefined;
  const arrays = new TableArrays();
  for (const [at, line] of text.split('\n').entries()) {
    if (inside !== undefined) {
      if (line.includes(inside)) inside = undefined;
      continue;
    }
    const header = /^\s*\[\[?/.exec(line);
    const keys = readKeys(line, header?.[0].length ?? 0);
    if (keys === undefined) continue;
    if (header !== null) table = arrays.resolve(keys, header[0].endsWith('[[') ? 'next' : 'last');
    const found = header === null ? [...table, ...keys] : table;
    const depth = commonDepth(found, path);
    if (depth > (best?.depth ?? 0)) best = { depth, line: at + 1 };
    inside = opensString(line);
  }
  return best?.line;
}

/** The arrays of tables met so far: which of its tables a header, or a key in it, belongs to. */
class TableArrays {
  readonly #last = new Map<string, number>();

  /** The path of a header's table; `[[x]]` begins the next table of `x`. */
  resolve(keys: readonly string[], which: 'next' | 'last'): string[] {
    const path: string[] = [];
    for (const [at, key] of keys.entries()) {
      path.push(key);
      const name = JSON.stringify(path);
      if (which === 'next' && at === keys.length - 1) this.#last.set(name, (this.#last.get(name) ?? -1) + 1);
      const last = this.#last.get(name);
      if (last !== undefined) path.push(String(last));
    }
    return path;
  }
}

/** The keys before `=` or `]`. */
function readKeys(line: string, from: number): string[] | undefined {
  const keys: string[] = [];
  keyPart.lastIndex = from;
  for (;;) {
    const match = keyPart.exec(line);
    if (match === null) return undefined;
    const [all, bare, basic, literal, dot] = match;
    keys.push(bare ?? literal ?? (basic ?? '').replace(/\\(["\\])/g, '$1'));
    if (dot === '.') continue;
    const next = line[keyPart.lastIndex];
    return all !== '' && (from > 0 ? next === ']' : next === '=') ? keys : undefined;
  }
}

/** How many keys of `path` a line stands for; none where it stands for another branch. */
function commonDepth(found: readonly string[], path: readonly string[]): number {
  const depth = Math.min(found.length, path.length);
  return found.slice(0, depth).every((key, at) => key === path[at]) ? depth : 0;
}

function opensString(line: string): '"""' | "'''" | undefined {
  for (const quotes of ['"""', "'''"] as const) {
    const parts = line.split(quotes).length - 1;
    if (parts % 2 === 1) return quotes;
  }
  return undefined;
}
