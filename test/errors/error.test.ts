import { describe, expect, it } from 'vitest';
import { EngineshedError, fromNamedPath, fromSystemError, inOperation } from '../../src/errors/index.js';

/** What is shown of a text that comes from outside, wherever it stands in an error. */
function shown(text: string): string {
  const error = new EngineshedError('INTERNAL', text, { hint: text, details: { path: text, status: 1 } });
  expect(error.hint).toBe(error.message);
  expect(error.details).toEqual({ path: error.message, status: 1 });
  return error.message;
}

describe('C16 what is shown of texts from outside', () => {
  it.each([
    ['https://user:hunter2@host/path', 'https://***@host/path'],
    ['(HTTPS://hunter2@host)', '(HTTPS://***@host)'],
    ['git+ssh://a:b@h ftp://c@h', 'git+ssh://***@h ftp://***@h'],
    ['https://host/a@b', 'https://host/a@b'],
    ['user:hunter2@host:5000/a "u:p:w@[::1]/a" is', '***@host:5000/a "***@[::1]/a" is'],
    ['x:1@sha256:00 a/x:1@sha512:00 me@host 10:30', 'x:1@sha256:00 a/x:1@sha512:00 me@host 10:30'],
    ['client_secret=hunter2&id_token=abc', 'client_secret=***&id_token=***'],
    ['design: wide, no tokens', 'design: wide, no tokens'],
    ['Authorization: Bearer abcdefghijkl.mn', 'Authorization: Bearer ***'],
    ['basic dXNlcjpodW50ZXIy', 'basic ***'],
    ['?token=hunter2&n=1', '?token=***&n=1'],
    ['{"password": "hunter2"}', '{"password": "***"}'],
    ['X-Amz-Signature=hunter2', 'X-Amz-Signature=***'],
  ])('%s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it('control and direction characters are escaped, newlines and tabs stay', () => {
    expect(shown('a\x1b[31mb\u202ec\x85d\ne\tf')).toBe('a\\x1b[31mb\\u{202e}c\\x85d\ne\tf');
    expect(shown('a\u061cb\u2028c\u2029d')).toBe('a\\u{61c}b\\u{2028}c\\u{2029}d');
  });

  it('at most 8,192 characters, from which secrets are gone before they are cut', () => {
    expect(shown('a'.repeat(5_000_000))).toBe(`${'a'.repeat(8192)}...`);
    const cut = shown(`${'x'.repeat(8180)} https://user:hunter2@host`);
    expect(cut).toMatch(/ https:\/\/\*\*\*\.\.\.$/);
    expect(shown('a'.repeat(8192))).toHaveLength(8192);
    expect(inOperation('Reading', new EngineshedError('IO_FAILED', 'b'.repeat(9000))).message).toHaveLength(
      8195,
    );
  });
});

it('a directory in the place of a file is told, and the other way round', () => {
  const failed = (code: string, path?: string) =>
    Object.assign(new Error('x'), { code, syscall: 'read', ...(path === undefined ? {} : { path }) });
  expect(fromSystemError(failed('EISDIR'))).toMatchObject({
    code: 'IO_FAILED',
    message: 'A directory stands in the place of a file (EISDIR, read)',
  });
  expect(fromSystemError(failed('ENOTDIR', '/a/b')).message).toBe(
    'A file stands in the place of a directory on the way to /a/b (ENOTDIR, read)',
  );
  expect(
    fromNamedPath({ what: 'file', path: '/a', purpose: 'to sign with' }, failed('EISDIR')),
  ).toMatchObject({
    code: 'PATH_NOT_FOUND',
    message: 'There is no file /a to sign with, but a directory',
  });
});
