import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { RecordedEntry } from '../layer/index.js';
import { createDigester, type Digest } from '../oci/index.js';

/** The file beside a layer's files that lists them, one JSON array per line. No source has a name with a dot first. */
export function inventoryPath(home: string): string {
  return `${home}/.inventory`;
}

/** How much text is gathered before it is written, in characters. */
const gatherLength = 256 * 1024;

/** Writes the list of a layer's files while they are written. */
export class InventoryFile {
  readonly #fd: number;
  readonly #digester = createDigester();
  #gathered = '';

  /** @throws NodeJS.ErrnoException, `EEXIST` where the file is there */
  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o444);
  }

  add(entry: RecordedEntry): void {
    this.#gathered += `${lineOf(entry)}\n`;
    if (this.#gathered.length >= gatherLength) this.#flush();
  }

  /** Makes the file durable, and returns its digest. */
  finish(): Digest {
    this.#flush();
    fsyncSync(this.#fd);
    return this.#digester.digest();
  }

  /** To be called however the layer ends. */
  close(): void {
    closeSync(this.#fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#gathered);
    this.#gathered = '';
    this.#digester.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }
}

/**
 * The digest of a list of files.
 * @throws NodeJS.ErrnoException
 */
export function digestInventory(path: string): Digest {
  const digester = createDigester();
  for (const chunk of chunksOf(path)) digester.update(chunk);
  return digester.digest();
}

/**
 * Reads a list of files whose digest is right, a piece at a time.
 * @throws NodeJS.ErrnoException
 */
export function* readInventory(path: string): Generator<RecordedEntry, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for (const chunk of chunksOf(path)) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield entryOf(JSON.parse(line) as Line);
  }
}

type Line =
  | readonly ['f', path: string, mode: number, size: number, sum: number | Digest]
  | readonly ['d', path: string, mode: number]
  | readonly ['s' | 'h', path: string, target: string];

function lineOf(entry: RecordedEntry): string {
  const path = JSON.stringify(entry.path);
  switch (entry.kind) {
    case 'file':
      return `["f",${path},${entry.mode},${entry.size},${JSON.stringify(entry.sum)}]`;
    case 'directory':
      return `["d",${path},${entry.mode}]`;
    case 'symlink':
      return `["s",${path},${JSON.stringify(entry.target)}]`;
    case 'hardlink':
      return `["h",${path},${JSON.stringify(entry.target)}]`;
  }
}

function entryOf(line: Line): RecordedEntry {
  switch (line[0]) {
    case 'f':
      return { kind: 'file', path: line[1], mode: line[2], size: line[3], sum: line[4] };
    case 'd':
      return { kind: 'directory', path: line[1], mode: line[2] };
    case 's':
      return { kind: 'symlink', path: line[1], target: line[2] };
    case 'h':
      return { kind: 'hardlink', path: line[1], target: line[2] };
  }
}

/** Each chunk is valid until the next one. */
function* chunksOf(path: string): Generator<Buffer, void, undefined> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(256 * 1024);
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer))
      yield buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
