/**
 * One pattern of a `.dockerignore`, compiled as moby's `patternmatcher` does: Go's `filepath.Match` syntax with `**`,
 * turned into a Go regular expression. The oddities of that way are kept, for they are what Docker does: `dir/**` does not
 * match `dir`, `**` matches also inside a name (`a**` is a prefix), a `*` in brackets is no literal, and beside another
 * wildcard `|` separates alternatives and `{2}` repeats.
 */
export type PathTest = (path: string) => boolean;

/**
 * Compiles a cleaned pattern (no leading `!`).
 * @returns undefined where Docker refuses the pattern as malformed
 */
export function compilePattern(pattern: string): PathTest | undefined {
  if (!isWellFormed([...pattern])) return undefined;
  const { kind, expression } = translate([...pattern]);
  switch (kind) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix':
      return (path) => path.startsWith(pattern.slice(0, -2));
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression': {
      const source = goToJavaScript([...expression]);
      if (source === undefined) return undefined;
      const compiled = compile(source);
      return compiled && ((path) => compiled.test(path));
    }
  }
}

/** Undefined where something is repeated that cannot be, which is malformed in Go too. */
function compile(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

type Kind = 'exact' | 'prefix' | 'suffix' | 'expression';

/** The grammar of Go's `filepath.Match`: every bracket closed and not empty, no lone `-` in it, no `\` at the end. */
function isWellFormed(pattern: readonly string[]): boolean {
  let at = 0;
  const member = (): boolean => {
    if (pattern[at] === '-' || pattern[at] === ']') return false;
    if (pattern[at] === '\\') at++;
    if (at >= pattern.length || isUndecodable(pattern[at] as string)) return false;
    at++;
    return at < pattern.length;
  };
  while (at < pattern.length) {
    const character = pattern[at++];
    if (character === '\\' && at++ >= pattern.length) return false;
    if (character !== '[') continue;
    if (pattern[at] === '^') at++;
    for (let members = 0; members === 0 || pattern[at] !== ']'; members++) {
      if (at >= pattern.length || !member()) return false;
      if (pattern[at] === '-') {
        at++;
        if (!member()) return false;
      }
    }
    at++;
  }
  return true;
}

/** Builds the Go regular expression, or finds that comparing strings will do. */
function translate(pattern: readonly string[]): { kind: Kind; expression: string } {
  let kind: Kind = 'exact';
  let expression = '';
  let at = 0;
  while (at < pattern.length) {
    const first = at === 0;
    const character = pattern[at++] as string;
    if (character === '*' && pattern[at] === '*') {
      at++;
      if (pattern[at] === '/') at++;
      if (at < pattern.length) {
        // Doubled, it would match the same and only be slow.
        if (!expression.endsWith('(.*/)?')) expression += '(.*/)?';
        kind = 'expression';
      } else if (kind === 'exact') {
        kind = 'prefix';
      } else {
        expression += '.*';
        kind = 'expression';
      }
      if (first) kind = 'suffix';
    } else if (character === '*') {
      expression += '[^/]*';
      kind = 'expression';
    } else if (character === '?') {
      expression += '[^/]';
      kind = 'expression';
    } else if ('.+()$'.includes(character)) {
      expression += `\\${character}`;
    } else if (character === '\\') {
      expression += `\\${pattern[at++] ?? ''}`;
      kind = 'expression';
    } else {
      expression += character;
      if (character === '[' || character === ']') kind = 'expression';
    }
  }
  return { kind, expression };
}

/** Rewrites what {@link translate} can make of Go's regular expressions; undefined where Go would refuse it. */
function goToJavaScript(go: readonly string[]): string | undefined {
  let source = '^';
  for (let at = 0; at < go.length; ) {
    const character = go[at++] as string;
    if (character === '[') {
      const bracket = bracketToJavaScript(go, at);
      if (bracket === undefined) return undefined;
      source += bracket.source;
      at = bracket.end;
    } else if (character === '\\') {
      const escaped = escapeToJavaScript(go[at++]);
      if (escaped === undefined) return undefined;
      source += escaped;
    } else if (character === '.') {
      source += '[^\\n]';
    } else if (character === '{') {
      const repeat = /^\{[0-9]+(,[0-9]*)?\}/.exec(go.slice(at - 1, at + 20).join(''))?.[0];
      source += repeat ?? literal(character);
      at += (repeat?.length ?? 1) - 1;
    } else {
      source += '*?()^|'.includes(character) ? character : literal(character);
    }
  }
  return `${source}$`;
}

function bracketToJavaScript(
  go: readonly string[],
  start: number,
): { source: string; end: number } | undefined {
  let at = start;
  let source = '[';
  if (go[at] === '^') {
    source += '^';
    at++;
  }
  const member = (): string | undefined => {
    const character = go[at++];
    if (character !== '\\') return character;
    const escaped = go[at++];
    return escaped !== undefined && isPunctuation(escaped) ? escaped : undefined;
  };
  for (let first = true; first || go[at] !== ']'; first = false) {
    const classEscape = go[at] === '\\' && /^[dDsSwW]$/.test(go[at + 1] ?? '');
    if (classEscape) {
      source += escapeToJavaScript(go[at + 1]);
      at += 2;
      continue;
    }
    if (go[at] === '[' && go[at + 1] === ':') return undefined;
    const low = member();
    if (low === undefined) return undefined;
    source += literal(low);
    if (go[at] !== '-' || go[at + 1] === ']' || go[at + 1] === undefined) continue;
    at++;
    const high = member();
    if (high === undefined || (high.codePointAt(0) as number) < (low.codePointAt(0) as number)) {
      return undefined;
    }
    source += `-${literal(high)}`;
  }
  return { source: `${source}]`, end: at + 1 };
}

/** What a backslash and a character mean in Go, of which only what can match a file name is taken. */
function escapeToJavaScript(character: string | undefined): string | undefined {
  if (character === undefined) return undefined;
  if (isPunctuation(character)) return literal(character);
  if (/[dDsSwWbB]/.test(character)) return `\\${character}`;
  if (character === 'A') return '^';
  if (character === 'z') return '$';
  return /[afnrtv]/.test(character) ? controlCharacter : undefined;
}

/** No name that is published has a control character, so one stands for all. */
const controlCharacter = '\\x07';

function isPunctuation(character: string): boolean {
  return character < '\u0080' && !/[0-9A-Za-z]/.test(character);
}

function literal(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}

function isUndecodable(character: string): boolean {
  return /[\udc80-\udcff\ufffd]/u.test(character);
}
