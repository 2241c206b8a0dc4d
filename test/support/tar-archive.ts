/** Builds tar archives by hand, malformed ones too. */

/** The raw fields of a header; what is not given is as an ordinary file has it. */
export interface RawHeader {
  readonly name?: string | Buffer;
  readonly prefix?: string | Buffer;
  readonly linkName?: string | Buffer;
  readonly type?: string;
  /** A number is written in octal, text as it is. */
  readonly mode?: number | string;
  /** A number is written in octal, a buffer or text as it is. */
  readonly size?: number | string | Buffer;
  readonly uid?: number;
  readonly magic?: string;
  /** Written instead of the right checksum. */
  readonly checksum?: string;
  /** Written over the header at the end, before the checksum is made. */
  readonly patch?: { readonly at: number; readonly bytes: Buffer };
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;

export function header(fields: RawHeader): Buffer {
  const block = Buffer.alloc(512);
  const put = (value: string | Buffer | undefined, at: number, length: number) => {
    if (value === undefined) return;
    Buffer.from(value as string, 'latin1').copy(block, at, 0, length);
  };
  const text = (value: string | Buffer | undefined) =>
    typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  put(text(fields.name ?? 'file'), 0, 100);
  put(typeof fields.mode === 'string' ? fields.mode : octal(fields.mode ?? 0o644, 8), 100, 8);
  put(octal(fields.uid ?? 0, 8), 108, 8);
  put(octal(fields.uid ?? 0, 8), 116, 8);
  put(
    typeof fields.size === 'number' || fields.size === undefined ? octal(fields.size ?? 0, 12) : fields.size,
    124,
    12,
  );
  put(octal(0, 12), 136, 12);
  put('        ', 148, 8);
  put(fields.type ?? '0', 156, 1);
  put(text(fields.linkName), 157, 100);
  put(fields.magic ?? 'ustar\x0000', 257, 8);
  put(text(fields.prefix), 345, 155);
  if (fields.patch) fields.patch.bytes.copy(block, fields.patch.at);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(fields.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}

/** Content with the padding behind it. */
function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export function file(name: string | Buffer, content: string | Buffer = '', fields: RawHeader = {}): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([header({ name, size: bytes.length, ...fields }), padded(bytes)]);
}

export function directory(name: string | Buffer, fields: RawHeader = {}): Buffer {
  return header({ name, type: '5', mode: 0o755, ...fields });
}

export function symlink(name: string | Buffer, target: string | Buffer): Buffer {
  return header({ name, type: '2', mode: 0o777, linkName: target });
}

export function hardlink(name: string | Buffer, target: string | Buffer): Buffer {
  return header({ name, type: '1', linkName: target });
}

/** A GNU long name (`L`) or long link (`K`) header. */
export function gnuLong(type: 'L' | 'K', text: string | Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.from(text as string), Buffer.alloc(1)]);
  return Buffer.concat([
    header({ name: '././@LongLink', type, size: bytes.length, magic: 'ustar  \0' }),
    padded(bytes),
  ]);
}

/** One pax record with its right length. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** A pax header with raw bytes as its body. */
export function paxRaw(body: Buffer, type: 'x' | 'g' = 'x'): Buffer {
  return Buffer.concat([header({ name: 'PaxHeaders/x', type, size: body.length }), padded(body)]);
}

export function pax(records: Readonly<Record<string, string | Buffer>>, type: 'x' | 'g' = 'x'): Buffer {
  return paxRaw(Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value))), type);
}

export const endMarker = Buffer.alloc(1024);

/** The parts and the end marker. */
export function archive(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, endMarker]);
}
