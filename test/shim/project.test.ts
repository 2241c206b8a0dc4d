import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../src/catalog/index.js';
import { topLine } from '../../src/engine/top-line.js';
import { findPin, readLockHead } from '../../src/shim/index.js';
import { failing, withCalls } from '../support/calls.js';
import { temporaryDirectory } from '../support/temporary.js';

const mine = process.getuid?.();

describe('the line of a key', () => {
  it.each([
    ['engine = "train"', 'train'],
    ["\tengine='9.1.0'# why\r", '9.1.0'],
    ['\ufeff# a comment\n\nengine = "train"  # why\n[overrides]\n', 'train'],
    ['engines = "no"\nengine-x = "no"\nengine.x = "no"\nengine = "yes"', 'yes'],
  ])('%j gives the name', (text, name) => {
    expect(topLine(text, 'engine')).toMatchObject({ name });
  });

  it.each([
    '',
    'default = "train"',
    '# engine = "x"',
    '[engines.engine]\nengine = "x"',
    ' [a]\nengine = "x"',
  ])('%j gives none', (text) => {
    expect(topLine(text, 'engine')).toBeUndefined();
  });

  it.each([
    'engine =',
    'engine = train',
    'engine = "a" "b"',
    'engine = "../x"',
    'engine = """a"""',
    'engine = "a',
    'engine = ""',
  ])('%j is a fault', (text) => {
    expect(topLine(`x = 1\n${text}\n`, 'engine')).toMatchObject({ line: 2, fault: expect.any(String) });
  });

  it.each([
    ['a quoted key', '"engine" = "train"\n'],
    ['a text over lines', 'images = """\nengine = "other"\n"""\nengine = "train"\n'],
    ['a text over lines and no pin', 'images = """\nengine = "other"\n"""\n'],
    ['a list over lines', 'registry = [\n[]]\nengine = "train"\n'],
    ['an escape', 'engine = "tr\\u0061in"\n'],
  ])('a catalog is refused in which TOML says something else: %s', (_, text) => {
    expect(() => parseCatalog(text, { name: 'engineshed.toml', baseDirectory: '/' })).toThrow('line by line');
  });
});

describe('the pin of a project', () => {
  it('is that of the nearest file upward that has one', () => {
    const home = temporaryDirectory();
    mkdirSync(`${home}/a/b`, { recursive: true });
    writeFileSync(`${home}/engineshed.toml`, 'engine = "train"\n');
    writeFileSync(`${home}/a/engineshed.toml`, 'default = "other"\n');
    expect(findPin({ directory: `${home}/a/b`, userId: mine })).toEqual({
      file: `${home}/engineshed.toml`,
      lock: `${home}/engineshed.lock`,
      name: 'train',
    });
    writeFileSync(`${home}/a/engineshed.toml`, 'engine = train\n');
    expect(() => findPin({ directory: `${home}/a/b`, userId: mine })).toThrow(
      'engineshed.toml:1: engine: must be',
    );
  });

  it('is not taken from a file that somebody else could put there', () => {
    const home = temporaryDirectory();
    writeFileSync(`${home}/engineshed.toml`, 'engine = "train"\n');
    chmodSync(home, 0o1777);
    expect(findPin({ directory: home, userId: mine })).toMatchObject({ name: 'train' });
    const other = (mine ?? 0) + 1;
    // A file of root's is always taken.
    if (mine === 0) return;
    expect(() => findPin({ directory: home, userId: other })).toThrow('belongs to another user');
  });
});

describe('the head of a lock', () => {
  const head = (id: string) =>
    `{\n  "version": 1,\n  "engine": "train",\n  "id": "${id}",\n  "sources": {}\n}\n`;

  it('tells the engine and the state', () => {
    const path = `${temporaryDirectory()}/engineshed.lock`;
    expect(readLockHead(path, mine)).toBeUndefined();
    for (const text of [head('0123456789abcdef'), head('0123456789abcdef').replaceAll('\n', '\r\n')]) {
      writeFileSync(path, text);
      expect(readLockHead(path, mine)).toEqual({ engine: 'train', id: '0123456789abcdef' });
    }
  });

  it.each([
    ['', 'does not begin like a lock'],
    ['{"version":1,"engine":"train"}', 'does not begin like a lock'],
    [head('../../../etc'), 'names no engine'],
    [head('0123456789abcdef').replace('train', '..'), 'names no engine'],
    [head('0123456789abcdef').replace('1,', '2,'), 'has version 2'],
  ])('%j is refused', (text, fault) => {
    const path = `${temporaryDirectory()}/engineshed.lock`;
    writeFileSync(path, text);
    expect(() => readLockHead(path, mine)).toThrow(fault);
  });
});

describe('a file that nobody can look at', () => {
  it.each([
    ['EIO', 'IO_FAILED'],
    ['EMFILE', 'IO_FAILED'],
  ])('E02 is not taken for none: %s', async (code, told) => {
    const directory = temporaryDirectory();
    const broken = failing(code, (path) => path === `${directory}/engineshed.toml`);
    await withCalls({ statSync: broken }, () =>
      expect(() => findPin({ directory, userId: mine })).toThrow(expect.objectContaining({ code: told })),
    );
  });

  it('is none where the directory may not be looked into', async () => {
    const directory = temporaryDirectory();
    const closed = failing('EACCES', (path) => path === `${directory}/engineshed.toml`);
    await withCalls({ statSync: closed }, () => expect(findPin({ directory, userId: mine })).toBeUndefined());
  });
});
