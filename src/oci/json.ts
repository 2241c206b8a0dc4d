import { EngineshedError } from '../errors/index.js';

/** The deepest nesting that a JSON document from outside may have. */
const maxDepth = 64;

/**
 * Parses JSON from outside. Stricter than `JSON.parse`: UTF-8 must be valid, an object may not have the same key twice or
 * a key `__proto__`, and nesting is bounded, so that no two readers can see different documents in the same bytes.
 * @param what names the document in the error
 * @throws EngineshedError `JSON_INVALID`
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  const text = decodeUtf8(bytes, what);
  const fault = structureFault(text);
  if (fault !== undefined) throw invalid(what, fault);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(what, (cause as Error).message, cause);
  }
}

/**
 * The canonical form of plain data: keys sorted by code unit, no white space. Equal data has equal bytes.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
  return `{${members.join(',')}}`;
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid(what, 'it is not valid UTF-8', cause);
  }
}

/** Walks the tokens once; leaves grammar to `JSON.parse` and looks only for what that lets pass. */
function structureFault(text: string): string | undefined {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') {
      if (open.length === maxDepth) return `it is nested more than ${maxDepth} deep`;
      open.push(character === '{' ? new Set() : null);
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const start = at;
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
      const keys = open.at(-1);
      if (keys && isKey(text, at + 1)) {
        const fault = keyFault(keys, text.slice(start, at + 1));
        if (fault !== undefined) return fault;
      }
    }
  }
  return undefined;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return text[at] === ':';
}

function keyFault(keys: Set<string>, literal: string): string | undefined {
  let key: string;
  try {
    key = JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
  if (key === '__proto__') return 'it has a key "__proto__"';
  if (keys.has(key)) return `it has the key ${JSON.stringify(key.slice(0, 100))} twice in one object`;
  keys.add(key);
  return undefined;
}

function invalid(what: string, fault: string, cause?: unknown): EngineshedError {
  return new EngineshedError('JSON_INVALID', `The ${what} is not acceptable JSON: ${fault}`, { cause });
}
