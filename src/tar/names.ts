import { isUtf8 } from 'node:buffer';

/**
 * Names inside layers are bytes. Here they are strings: UTF-8 is decoded as usual, and every byte that is not part of
 * valid UTF-8 becomes the lone surrogate U+DC00 + byte, so that {@link encodeName} gives back the very same bytes.
 */
const escapedByte = /[\udc80-\udcff]/u;
const beyondAscii = /[\u0080-\u00ff]/;
const escapedBytes = /[\udc80-\udcff]/gu;

/** Decodes the name in `bytes` from `start` up to `end`. */
export function decodeName(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString('latin1', start, end);
  return beyondAscii.test(text) ? decodeBeyondAscii(bytes.subarray(start, end)) : text;
}

/** The bytes of a name, exactly those that {@link decodeName} was given. */
export function encodeName(name: string): Buffer {
  if (!escapedByte.test(name)) return Buffer.from(name, 'utf8');
  const pieces: Buffer[] = [];
  let from = 0;
  for (const match of name.matchAll(escapedBytes)) {
    pieces.push(Buffer.from(name.slice(from, match.index), 'utf8'));
    pieces.push(Buffer.from([match[0].charCodeAt(0) - 0xdc00]));
    from = match.index + 1;
  }
  pieces.push(Buffer.from(name.slice(from), 'utf8'));
  return Buffer.concat(pieces);
}

/** The path of `name` (with `/`, may be empty) below `root`, in the form that `node:fs` keeps every byte of. */
export function fsPath(root: string, name: string): string | Buffer {
  if (name === '') return root;
  return escapedByte.test(name)
    ? Buffer.concat([Buffer.from(`${root}/`, 'utf8'), encodeName(name)])
    : `${root}/${name}`;
}

/** A link target or other text in the form that `node:fs` keeps every byte of. */
export function fsText(text: string): string | Buffer {
  return escapedByte.test(text) ? encodeName(text) : text;
}

/** A name for a message: bytes that are not UTF-8 read `\xNN`. */
export function showName(name: string): string {
  return name.replace(escapedBytes, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`);
}

/**
 * The form in which names are compared that a file system may hold for the same one: without regard to case and to
 * Unicode normalisation.
 */
export function foldName(name: string): string {
  return /[^\u0000-\u007f]/.test(name)
    ? name.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD')
    : name.toLowerCase();
}

/** The parent of a relative path, empty for a name at the top. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The last component of a path. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Joins a directory (empty for the top) and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function decodeBeyondAscii(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const sequence = bytes.subarray(at, at + length);
    const valid = sequence.length === length && isUtf8(sequence);
    text += valid ? sequence.toString('utf8') : String.fromCharCode(0xdc00 + lead);
    at += valid ? length : 1;
  }
  return text;
}
