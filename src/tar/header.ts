import { archiveError } from './faults.js';
import { decodeName } from './names.js';

/** Tar is made of blocks of this many bytes. */
export const blockSize = 512;
/** The largest number that eleven octal digits hold: one byte less than 8 GiB. */
export const maxOctalSize = 0o77777777777;

/** What one 512-byte header says (POSIX.1-1988 ustar, GNU and v7), names decoded by `decodeName`. */
export interface TarHeader {
  /** The name with the ustar prefix before it. */
  readonly name: string;
  readonly linkName: string;
  /** One character; NUL of v7 reads `0`. */
  readonly typeFlag: string;
  /** In bytes. */
  readonly size: number;
  /** All bits as the archive has them. */
  readonly mode: number;
}

/**
 * Reads the header at `at`. Owners and times are not looked at.
 * @throws EngineshedError `LAYER_INVALID`: checksum, numbers that are not octal or base-256, negative or huge sizes,
 *   bytes behind the end of a name
 */
export function decodeHeader(block: Buffer, at: number): TarHeader {
  checkChecksum(block, at);
  const magic = block.toString('latin1', at + 257, at + 263);
  if (magic === 'ustar\0' && block.toString('latin1', at + 508, at + 512) === 'tar\0') {
    throw archiveError('it is in the xstar format, which is not supported');
  }
  const name = decodeField(block, at, 100, 'name');
  const prefix = magic === 'ustar\0' ? decodeField(block, at + 345, 155, 'prefix') : '';
  const type = block[at + 156] as number;
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: decodeField(block, at + 157, 100, 'link name'),
    typeFlag: type === 0 ? '0' : String.fromCharCode(type),
    size: decodeNumber(block, at + 124, 12, `the size of "${name}"`),
    mode: decodeNumber(block, at + 100, 8, `the mode of "${name}"`),
  };
}

/** What a header is made from. */
export interface HeaderFields {
  /** At most 100 bytes; a longer name is cut, which a pax record has to make good. */
  readonly name: Uint8Array;
  /** At most 155 bytes. */
  readonly prefix: Uint8Array;
  /** At most 100 bytes; cut likewise. */
  readonly linkName: Uint8Array;
  readonly typeFlag: '0' | '2' | '5' | 'x';
  /** In bytes; what eleven octal digits do not hold is written as 0, which a pax record has to make good. */
  readonly size: number;
  readonly mode: number;
  /** Seconds since the epoch, at most `maxOctalSize`. */
  readonly mtime: number;
}

/** Writes a ustar header of {@link blockSize} bytes into `target` at `at`: uid and gid 0, no user and group names. */
export function encodeHeader(target: Buffer, at: number, fields: HeaderFields): void {
  target.fill(0, at, at + blockSize);
  target.set(fields.name.subarray(0, 100), at);
  writeOctal(target, at + 100, 8, fields.mode);
  writeOctal(target, at + 108, 8, 0);
  writeOctal(target, at + 116, 8, 0);
  writeOctal(target, at + 124, 12, fields.size > maxOctalSize ? 0 : fields.size);
  writeOctal(target, at + 136, 12, fields.mtime);
  target.fill(0x20, at + 148, at + 156);
  target.write(fields.typeFlag, at + 156, 'latin1');
  target.set(fields.linkName.subarray(0, 100), at + 157);
  target.write('ustar\x0000', at + 257, 'latin1');
  writeOctal(target, at + 329, 8, 0);
  writeOctal(target, at + 337, 8, 0);
  target.set(fields.prefix, at + 345);
  let sum = 0;
  for (let index = at; index < at + blockSize; index++) sum += target[index] as number;
  target.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}

/**
 * Splits a name between the fields of a ustar header: at most 155 bytes of prefix, a slash, at most 100 of name.
 * Undefined where the name does not fit or is not ASCII.
 */
export function splitUstarName(name: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | undefined {
  if (name.some((byte) => byte >= 0x80)) return undefined;
  if (name.length <= 100) return { prefix: new Uint8Array(0), name };
  const slash = name.indexOf(0x2f, Math.max(1, name.length - 101));
  if (slash < 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

/** Tells whether the block at `at` is all zero, which two in a row end an archive with. */
export function isZeroBlock(block: Buffer, at: number): boolean {
  return isZero(block, at, at + blockSize);
}

/** Compared by one native call: most headers of a layer are read before the loops of this file are compiled. */
function isZero(block: Buffer, start: number, end: number): boolean {
  return block.compare(zeros, 0, end - start, start, end) === 0;
}

const zeros = Buffer.alloc(blockSize);
const aligned = Buffer.from(new ArrayBuffer(blockSize));
const alignedWords = new Uint32Array(aligned.buffer);

function checkChecksum(block: Buffer, at: number): void {
  // Four bytes at a time, in two lanes of 16 bits each, which 128 words of 2 * 255 cannot fill.
  block.copy(aligned, 0, at, at + blockSize);
  let lanes = 0;
  for (let index = 0; index < blockSize / 4; index++) {
    const word = alignedWords[index] as number;
    lanes += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
  }
  let sum = (lanes & 0xffff) + (lanes >>> 16);
  for (let index = at + 148; index < at + 156; index++) sum += 0x20 - (block[index] as number);
  const stated = decodeNumber(block, at + 148, 8, 'a checksum');
  if (stated === sum || stated === signedSum(block, at)) return;
  throw archiveError(`the checksum of a header is ${sum} and the header says ${stated}`);
}

/** Some old writers summed signed bytes; like GNU tar, both are taken. */
function signedSum(block: Buffer, at: number): number {
  let sum = 0;
  for (let index = at; index < at + blockSize; index++) {
    const byte = index >= at + 148 && index < at + 156 ? 0x20 : (block[index] as number);
    sum += byte >= 0x80 ? byte - 0x100 : byte;
  }
  return sum;
}

function decodeField(block: Buffer, at: number, length: number, what: string): string {
  if (block[at] === 0 && isZero(block, at, at + length)) return '';
  const nul = block.indexOf(0, at);
  const end = nul < 0 || nul > at + length ? at + length : nul;
  if (!isZero(block, end, at + length)) {
    throw archiveError(`the ${what} "${decodeName(block, at, end)}" has bytes behind its end`);
  }
  return decodeName(block, at, end);
}

/** Octal digits between optional blanks and a NUL or blank, or base-256 (GNU) of a number that is not negative. */
function decodeNumber(block: Buffer, at: number, length: number, what: string): number {
  const first = block[at] as number;
  if (first >= 0x80) {
    if (first !== 0x80) throw archiveError(`${what} is negative or larger than any file`);
    let value = 0;
    for (let index = at + 1; index < at + length; index++) value = value * 256 + (block[index] as number);
    if (!Number.isSafeInteger(value)) throw archiveError(`${what} is larger than any file`);
    return value;
  }
  let index = at;
  const end = at + length;
  while (index < end && block[index] === 0x20) index++;
  let value = 0;
  for (; index < end; index++) {
    const digit = (block[index] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; index < end; index++) {
    if (block[index] !== 0 && block[index] !== 0x20) throw archiveError(`${what} is not an octal number`);
  }
  return value;
}

function writeOctal(target: Buffer, at: number, length: number, value: number): void {
  target.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
}
