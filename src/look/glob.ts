import { EngineshedError } from '../errors/index.js';

/** One character of a glob: any number of any, one of any, or one of some. */
type Piece = '*' | '?' | { readonly text: string; readonly negated: boolean };

/**
 * Makes a test from a glob: `*` stands for any characters, `?` for one, `[a-c]` for one of these, `[!a-c]` for one that is none
 * of these, `\\` takes the next one as it is. It tests in time proportional to both lengths multiplied.
 * @throws EngineshedError `USAGE`
 */
export function globTest(glob: string): (text: string) => boolean {
  const pieces = parse(glob);
  return (text) => {
    let at = 0;
    let piece = 0;
    let star = -1;
    let starAt = 0;
    while (at < text.length) {
      if (pieces[piece] === '*') {
        star = piece++;
        starAt = at;
      } else if (matches(pieces[piece], text[at] as string)) {
        piece++;
        at++;
      } else if (star >= 0) {
        piece = star + 1;
        at = ++starAt;
      } else return false;
    }
    return pieces.slice(piece).every((left) => left === '*');
  };
}

function matches(piece: Piece | undefined, character: string): boolean {
  if (piece === undefined || piece === '*') return false;
  if (piece === '?') return true;
  return within(piece.text, character) !== piece.negated;
}

/** `text` has ranges as three characters, `a-c`. */
function within(text: string, character: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const first = text[at] as string;
    const isRange = text[at + 1] === '-' && at + 2 < text.length;
    const last = isRange ? (text[at + 2] as string) : first;
    if (character >= first && character <= last) return true;
    if (isRange) at += 2;
  }
  return false;
}

function parse(glob: string): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] as string;
    if (character === '*' || character === '?') pieces.push(character);
    else if (character === '[') {
      const negated = glob[at + 1] === '!' || glob[at + 1] === '^';
      const start = at + (negated ? 2 : 1);
      // A bracket that comes first is one of those it stands for.
      const end = glob.indexOf(']', start + 1);
      if (end < 0) throw new EngineshedError('USAGE', `"${glob}" has a "[" without its "]"`);
      pieces.push({ text: glob.slice(start, end), negated });
      at = end;
    } else if (character === '\\' && at + 1 < glob.length)
      pieces.push({ text: glob[++at] as string, negated: false });
    else pieces.push({ text: character, negated: false });
  }
  return pieces;
}
