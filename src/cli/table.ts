import { escapeControls } from '../errors/index.js';
import { type Style, styled, wantsColour } from './colour.js';
import type { Host } from './host.js';

/** A cell of a table: a text, or one that stands out where colours are wanted. */
export type Cell = string | { readonly text: string; readonly style: Style };

/**
 * Prints rows below a head as columns, two spaces apart. A column of which nothing is said is left out. On a terminal a last
 * column that does not fit goes on in further lines; elsewhere every row is one line. Control characters are escaped.
 * @param head the title of each column; empty for one that only marks rows
 */
export function printTable(host: Host, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const { stdout } = host.process;
  const titles = head.map((text): Cell => ({ text, style: 'bold' }));
  const table = withoutEmptyColumns([titles, ...rows].map((row) => row.map(safe)));
  const widths = (table[0] ?? []).map((_, at) =>
    table.reduce((widest, row) => Math.max(widest, textWidth(row[at]?.text ?? '')), 0),
  );
  const room = stdout.isTTY === true && stdout.columns ? stdout.columns : Number.POSITIVE_INFINITY;
  const colour = wantsColour(host, stdout);
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + gap.length, 0);
  let text = '';
  for (const row of table) {
    const last = row.at(-1);
    const folded = fold(last?.text ?? '', Math.max(room - before, leastRoom));
    for (const [at, piece] of folded.entries()) {
      const cells = row.slice(0, -1).map((cell) => (at === 0 ? cell : blank));
      text += `${line([...cells, { text: piece, style: last?.style }], widths, colour)}\n`;
    }
    if (text.length > mostText) {
      stdout.write(text);
      text = '';
    }
  }
  if (text !== '') stdout.write(text);
}

const gap = '  ';
/** The last column is not folded into less than so many characters. */
const leastRoom = 20;
/** Printed at once. */
const mostText = 65_536;

interface StyledText {
  readonly text: string;
  readonly style?: Style | undefined;
}

const blank: StyledText = { text: '' };

function safe(cell: Cell): StyledText {
  return typeof cell === 'string'
    ? { text: escapeControls(cell) }
    : { text: escapeControls(cell.text), style: cell.style };
}

function withoutEmptyColumns(table: readonly (readonly StyledText[])[]): (readonly StyledText[])[] {
  const kept = (table[0] ?? []).map((_, at) => table.some((row) => row[at]?.text !== ''));
  return table.map((row) => row.filter((_, at) => kept[at]));
}

/** Nothing that is only blank stands at the end of a line. */
function line(cells: readonly StyledText[], widths: readonly number[], colour: boolean): string {
  const filled = cells.findLastIndex(({ text }) => text !== '');
  return cells
    .slice(0, filled + 1)
    .map(({ text, style }, at) => {
      const shown = colour && style !== undefined ? styled(style, text) : text;
      return at === filled ? shown : shown + ' '.repeat((widths[at] ?? 0) - textWidth(text));
    })
    .join(gap);
}

/** Breaks a text at blanks into pieces that are no wider than `room` columns, but for a word that is. */
export function fold(text: string, room: number): string[] {
  if (textWidth(text) <= room) return [text];
  const pieces: string[] = [];
  let piece = '';
  for (const word of text.split(' ')) {
    const longer = piece === '' ? word : `${piece} ${word}`;
    if (textWidth(longer) <= room || piece === '') {
      piece = longer;
      continue;
    }
    pieces.push(piece);
    piece = word;
  }
  return [...pieces, piece];
}

/** How many columns of a terminal a text takes: none for a mark on the character before it, two for a wide one. */
export function textWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (/^[\p{Mark}\p{Format}]$/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** East Asian wide and full-width characters (Unicode Standard Annex 11), and those that are shown as pictures. */
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;
