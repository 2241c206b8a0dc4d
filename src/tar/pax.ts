import { archiveError } from './faults.js';
import { decodeName } from './names.js';

/** What a pax extended header changes of the entry behind it; only what the header has is set. */
export interface PaxRecords {
  path?: string;
  linkPath?: string;
  /** In bytes. */
  size?: number;
}

/**
 * Reads the records of a pax extended header (POSIX.1-2001, "pax Header Block"). Extended attributes, owners, times and
 * unknown keys are left aside.
 * @param scope `entry` for a header of one entry, `global` for one of all that follow; a global path, link path or size
 *   would make all entries the same and is refused
 * @throws EngineshedError `LAYER_INVALID`: malformed records, sparse files, character sets other than UTF-8 and binary,
 *   a key that matters twice, NUL in a path
 */
export function decodePax(bytes: Buffer, scope: 'entry' | 'global'): PaxRecords {
  const records: PaxRecords = {};
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    const length = blank < 0 || blank - at > 7 ? undefined : decimal(bytes.toString('latin1', at, blank));
    if (length === undefined) throw archiveError('a pax record does not begin with its length');
    const end = at + length;
    const equals = bytes.indexOf(0x3d, blank);
    if (
      end > bytes.length ||
      equals < 0 ||
      equals >= end ||
      bytes[end - 1] !== 0x0a ||
      equals === blank + 1
    ) {
      throw archiveError('a pax record has a length that is not its own, no key or no end');
    }
    const key = decodeName(bytes, blank + 1, equals);
    take(records, key, bytes.subarray(equals + 1, end - 1), scope);
    at = end;
  }
  return records;
}

/** Writes pax records in the given order; values are bytes as they are. */
export function encodePax(records: readonly (readonly [key: string, value: Uint8Array])[]): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
      let length = body.length + 1;
      while (String(length).length + body.length !== length) length = String(length).length + body.length;
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

function take(records: PaxRecords, key: string, value: Buffer, scope: 'entry' | 'global'): void {
  if (key.includes('\0')) throw archiveError('a pax key has a NUL inside');
  if (key.startsWith('GNU.sparse.') || key === 'SCHILY.realsize' || key === 'SCHILY.filetype') {
    throw archiveError(`it has a sparse or special file (${key}), which is not supported`);
  }
  if (key === 'hdrcharset') {
    const charset = value.toString('latin1');
    if (charset === 'BINARY' || charset === 'ISO-IR 10646 2000 UTF-8') return;
    throw archiveError(`its names are in the character set "${charset}", which is not supported`);
  }
  if (key !== 'path' && key !== 'linkpath' && key !== 'size') return;
  const field = key === 'linkpath' ? 'linkPath' : key;
  if (scope === 'global') throw archiveError(`a global pax header sets the ${key} of all entries`);
  if (records[field] !== undefined) throw archiveError(`a pax header has ${key} twice`);
  if (value.includes(0)) throw archiveError(`the pax record ${key} has a NUL inside`);
  if (field !== 'size') {
    records[field] = decodeName(value);
    return;
  }
  const size = decimal(value.toString('latin1'));
  if (size === undefined) throw archiveError('a pax size is not a decimal number');
  records.size = size;
}

function decimal(text: string): number | undefined {
  const value = /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
