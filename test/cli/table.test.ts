import { describe, expect, it } from 'vitest';
import { wantsColour } from '../../src/cli/colour.js';
import type { Host } from '../../src/cli/host.js';
import { type Cell, printTable, textWidth } from '../../src/cli/table.js';

/** What a table prints on a terminal of so many columns, or into a pipe. */
function printed(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { columns, environment = {} }: { columns?: number; environment?: Record<string, string> } = {},
): string {
  let text = '';
  const stdout = {
    isTTY: columns !== undefined,
    columns,
    write: (content: string) => {
      text += content;
    },
  };
  printTable({ process: { stdout }, environment } as unknown as Host, head, rows);
  return text;
}

describe('a table', () => {
  it('has columns, of which those that say nothing are left out', () => {
    const rows = [
      ['', 'train', '', 'the stable release'],
      ['*', 'tram', '', ''],
    ];
    expect(printed(['', 'ENGINE', '', 'DESCRIPTION'], rows)).toBe(
      '   ENGINE  DESCRIPTION\n   train   the stable release\n*  tram\n',
    );
    expect(printed(['', 'ENGINE'], [['', 'train']])).toBe('ENGINE\ntrain\n');
  });

  it('goes on in further lines on a narrow terminal, and never in a pipe', () => {
    const rows = [['train', 'one two three four five six']];
    expect(printed(['ENGINE', 'WORDS'], rows, { columns: 30 })).toBe(
      `${['ENGINE  WORDS', 'train   one two three four', '        five six'].join('\n')}\n`
        .replace('ENGINE', '\u001b[1mENGINE\u001b[22m')
        .replace('WORDS', '\u001b[1mWORDS\u001b[22m'),
    );
    expect(printed(['ENGINE', 'WORDS'], rows)).toBe('ENGINE  WORDS\ntrain   one two three four five six\n');
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(printed(['A', 'DIGEST'], [['a', digest]], { columns: 30 })).toContain(digest);
  });

  it('aligns what takes more or less than one column a character', () => {
    expect(['abc', '日本', 'é', 'e\u0301', '🚂', 'a\u200db'].map(textWidth)).toEqual([3, 4, 1, 1, 2, 2]);
    expect(printed(['A', 'B'], [['日本', 'x']])).toBe('A     B\n日本  x\n');
  });

  it('C16 escapes control characters, and colours nothing by itself', () => {
    const rows = [[{ text: '\u001b[31mred', style: 'green' as const }, 'a\nb']];
    expect(printed(['A', 'B'], rows)).toBe('A            B\n\\x1b[31mred  a\\nb\n');
    expect(printed(['A', 'B'], rows, { environment: { FORCE_COLOR: '1' } })).toContain(
      '\u001b[32m\\x1b[31mred\u001b[39m  a',
    );
  });
});

describe('colours', () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '' }, false, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ])('with %j, on a terminal: %s, are wanted: %s', (environment, isTTY, wanted) => {
    expect(wantsColour({ environment }, { write: () => true, isTTY })).toBe(wanted);
  });
});
