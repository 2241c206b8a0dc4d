import { blockSize, encodeHeader, maxOctalSize, splitUstarName } from './header.js';
import { encodePax } from './pax.js';

const nothing = Buffer.alloc(0);

/**
 * The blocks before a regular file's content: a ustar header of mode 0644, owner 0:0 and time 0, and a pax header before it
 * where the name or the size needs one. The same file has the same bytes.
 * @param name relative, ASCII
 * @param size in bytes
 */
export function fileHeader(name: string, size: number): Buffer {
  const bytes = Buffer.from(name, 'latin1');
  const split = splitUstarName(bytes);
  const records: [string, Uint8Array][] = [];
  if (split === undefined) records.push(['path', bytes]);
  if (size > maxOctalSize) records.push(['size', Buffer.from(String(size))]);
  const body = encodePax(records);
  const fields = { prefix: nothing, linkName: nothing, mode: 0o644, mtime: 0 } as const;
  const before = records.length === 0 ? 0 : blockSize + body.length + paddingOf(body.length);
  const blocks = Buffer.alloc(before + blockSize);
  if (before > 0) {
    const paxName = Buffer.from('././@PaxHeader');
    encodeHeader(blocks, 0, { ...fields, name: paxName, typeFlag: 'x', size: body.length });
    body.copy(blocks, blockSize);
  }
  encodeHeader(blocks, before, { ...fields, ...(split ?? { name: bytes }), typeFlag: '0', size });
  return blocks;
}

/** The zeros behind content of `size` bytes, up to the next block. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}
