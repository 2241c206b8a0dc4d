import fc from 'fast-check';

/** One change of a text. Places are fractions of its length, so that they fit any. */
type Change =
  | {
      readonly op: 'delete' | 'double' | 'move';
      readonly at: number;
      readonly length: number;
      readonly to: number;
    }
  | { readonly op: 'insert' | 'replace'; readonly at: number; readonly text: string; readonly times: number };

/** What parsers trip over, whatever they parse. */
const general = [
  ...[
    '',
    ' ',
    '\0',
    '\n',
    '\r\n',
    '\t',
    '"',
    "'",
    '\\',
    '/',
    '//',
    '..',
    '.',
    ':',
    '@',
    ',',
    ';',
    '=',
    '<',
    '>',
    '%00',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '{}',
    '[]',
    'null',
    'true',
    '-1',
    '0',
    '1e999',
    '9007199254740993',
    '-0',
    '0x10',
    '٣',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '\u00e9',
    '\u202e',
    '\ufeff',
    '\ud800',
    'İ',
  ],
  ...['\xff', '\xc2\x85', '\x80', '\x1b[31m', 'https://user:hunter2@host/', '\u{1f600}'],
];

/**
 * Texts made from samples by a few random changes: parts deleted, doubled, moved, and words of a dictionary put in, once or many
 * times.
 */
export function mutated(samples: readonly string[], words: readonly string[] = []): fc.Arbitrary<string> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const length = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.nat(200));
  const word = fc.oneof(
    fc.constantFrom(...general, ...words, ...samples),
    fc.string({ maxLength: 3, unit: 'binary' }),
  );
  const times = fc.oneof(
    { weight: 9, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(2, 70, 3000) },
  );
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ op: fc.constantFrom('delete', 'double', 'move'), at: place, length, to: place }),
    fc.record({ op: fc.constantFrom('insert', 'replace'), at: place, text: word, times }),
  );
  const texts = fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { maxLength: 5 }))
    .map(([sample, changes]) => changes.reduce(changed, sample).slice(0, 300_000));
  const documents = samples.filter(isJson);
  if (documents.length === 0) return texts;
  const values = fc.oneof(
    fc.constantFrom(null, true, 0, -1, 1.5, '', 'x', '../x', [], {}, [null], { a: null }),
    fc.jsonValue(),
  );
  const trees = fc
    .tuple(
      fc.constantFrom(...documents),
      fc.array(fc.tuple(fc.nat(200), values), { minLength: 1, maxLength: 3 }),
    )
    .map(([sample, replacements]) =>
      JSON.stringify(
        replacements.reduce((tree, [at, value]) => replaced(tree, at, value), JSON.parse(sample)),
      ),
    );
  return fc.oneof(texts, trees);
}

/** A JSON value in which one of all its values, the `at`th modulo their number, is another. */
function replaced(tree: unknown, at: number, value: unknown): unknown {
  let left = at % countOf(tree);
  const visit = (node: unknown): unknown => {
    if (left-- === 0) return value;
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, visit(inner)]));
  };
  return visit(tree);
}

function countOf(tree: unknown): number {
  if (typeof tree !== 'object' || tree === null) return 1;
  return Object.values(tree).reduce<number>((sum, inner) => sum + countOf(inner), 1);
}

function changed(text: string, change: Change): string {
  const at = Math.floor(change.at * text.length);
  if ('text' in change && change.op === 'insert')
    return text.slice(0, at) + change.text.repeat(change.times) + text.slice(at);
  if ('text' in change) {
    const middle = change.text.repeat(change.times);
    return text.slice(0, at) + middle + text.slice(at + change.text.length);
  }
  const part = text.slice(at, at + change.length);
  if (change.op === 'double') return text.slice(0, at) + part + text.slice(at);
  const rest = text.slice(0, at) + text.slice(at + change.length);
  const to = Math.floor(change.to * rest.length);
  return change.op === 'delete' ? rest : rest.slice(0, to) + part + rest.slice(to);
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
