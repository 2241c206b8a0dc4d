/** One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** The scheme, in lower case: `basic`, `bearer`, ... */
  readonly scheme: string;
  /** The parameters by lower-case name; the first of a name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const token68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const blanks = /[ \t]*/y;
const separators = /[ \t,]*/y;

/**
 * Parses the challenges of one or several `WWW-Authenticate` headers. A header may hold several challenges, and a quoted
 * value may hold commas, equals signs and escaped characters. Of what does not fit the grammar, the part before it counts.
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  const text = new Cursor(header);
  const challenges: Challenge[] = [];
  text.take(separators);
  while (!text.atEnd) {
    const scheme = text.take(token);
    if (scheme === '') return challenges;
    text.take(blanks);
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (text.take(token68) === '' && !parseParameters(text, parameters)) return challenges;
    text.take(separators);
  }
  return challenges;
}

/** Takes `name=value` pairs up to the next scheme or the end; false where neither follows. */
function parseParameters(text: Cursor, parameters: Map<string, string>): boolean {
  for (;;) {
    const start = text.at;
    text.take(separators);
    if (text.atEnd) return true;
    const name = text.take(token).toLowerCase();
    text.take(blanks);
    if (name === '' || !text.skip('=')) {
      // No "=": the name was the scheme of the next challenge, which must stand after a comma.
      text.at = start;
      return name !== '' && (parameters.size === 0 || text.take(separators).includes(','));
    }
    text.take(blanks);
    const value = text.skip('"') ? quotedString(text) : text.take(token);
    if (value === undefined) return false;
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

/** The rest of a quoted string, after its first quote; undefined where it does not end. */
function quotedString(text: Cursor): string | undefined {
  let value = '';
  while (!text.atEnd) {
    const character = text.next();
    if (character === '"') return value;
    value += character === '\\' ? text.next() : character;
  }
  return undefined;
}

/** A place in a text, moving forward. */
class Cursor {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.at >= this.#text.length;
  }

  next(): string {
    return this.#text.charAt(this.at++);
  }

  skip(character: string): boolean {
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  /** Takes what a sticky expression matches here; the empty string where it does not. */
  take(expression: RegExp): string {
    expression.lastIndex = this.at;
    const [match = ''] = expression.exec(this.#text) ?? [];
    this.at += match.length;
    return match;
  }
}
