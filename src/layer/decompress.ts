import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { EngineshedError } from '../errors/index.js';
import { type Compression, layerCompression } from '../oci/index.js';
import { archiveError } from '../tar/faults.js';
import { ZstdFrames } from './zstd-frames.js';

/** Large chunks keep the thread pool busy; a few of them decompressed ahead let it work while files are written. */
const chunkSize = 1024 * 1024;
const chunksAhead = 3;
const inputAhead = 512 * 1024;

/**
 * The compression of a layer that can be read here.
 * @throws EngineshedError `MEDIA_TYPE_UNSUPPORTED`: no layer at all, or zstd where this Node has none (B04)
 */
export function readableCompression(mediaType: string): Compression {
  const compression = layerCompression(mediaType);
  if (compression === undefined) {
    throw new EngineshedError(
      'MEDIA_TYPE_UNSUPPORTED',
      `"${mediaType}" is not the media type of a layer that can be installed`,
      {
        hint: 'Layers are tar archives, plain or compressed with gzip or zstd.',
        details: { actual: mediaType },
      },
    );
  }
  if (compression === 'zstd' && createZstdDecompress === undefined) {
    throw new EngineshedError(
      'MEDIA_TYPE_UNSUPPORTED',
      'The layer is compressed with zstd, which this Node.js has not',
      {
        hint: 'Use Node.js 22.15 or later, or publish the layer with gzip.',
        details: { actual: mediaType },
      },
    );
  }
  return compression;
}

/**
 * Decompresses a stream. Several gzip members or zstd frames in a row are one stream; anything else behind them is an
 * error. Ends without closing `source`: after an error the caller decides whether to read on or to close it.
 * @throws EngineshedError `LAYER_INVALID`, and what the source throws
 */
export async function* decompress(
  source: AsyncIterator<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Buffer, void, undefined> {
  if (compression === 'none') {
    for (let next = await source.next(); !next.done; next = await source.next()) yield asBuffer(next.value);
    return;
  }
  const frames = new ZstdFrames();
  const pieces = new Pieces(source, compression === 'zstd' ? frames : undefined);
  let unread: readonly Uint8Array[];
  do {
    unread = yield* run(pieces, compression);
    pieces.unread(unread);
    // zlib goes on by itself from one gzip member to the next and stops at what is none; zstd stops after a frame.
    if (unread.length > 0 && compression === 'gzip') {
      throw archiveError('there are bytes behind the end of the gzip data');
    }
  } while (unread.length > 0);
  if (compression === 'zstd' && !frames.isComplete) throw archiveError('its zstd data is cut off');
}

/** A zlib stream, as far as it is used here. */
type Engine = Transform & { readonly bytesWritten: number };
type CreateEngine = (options: object) => Engine;

/** Since Node 22.15; the types of Node 20 do not know it. */
const createZstdDecompress = (zlib as { createZstdDecompress?: CreateEngine }).createZstdDecompress;

/** Decompresses until the engine stops; returns what it was given and did not take. */
async function* run(
  pieces: Pieces,
  compression: Compression,
): AsyncGenerator<Buffer, readonly Uint8Array[], undefined> {
  const options = {
    chunkSize,
    readableObjectMode: true,
    readableHighWaterMark: chunksAhead,
    writableHighWaterMark: inputAhead,
  };
  const engine: Engine =
    compression === 'gzip' ? zlib.createGunzip(options) : (createZstdDecompress as CreateEngine)(options);
  const feed = new Feed(pieces, engine);
  const fed = feed.run();
  try {
    for await (const chunk of engine) yield chunk as Buffer;
  } catch (error) {
    throw feed.failure ?? malformed(error, compression);
  } finally {
    feed.stop();
    await fed;
  }
  if (feed.failure !== undefined) throw feed.failure;
  return feed.rest();
}

/** A source whose bytes can be given back. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #unread: Uint8Array[] = [];

  readonly #frames: ZstdFrames | undefined;

  constructor(source: AsyncIterator<Uint8Array>, frames: ZstdFrames | undefined) {
    this.#source = source;
    this.#frames = frames;
  }

  /** The next bytes; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    const unread = this.#unread.shift();
    if (unread !== undefined) return unread;
    const next = await this.#source.next();
    if (next.done) return undefined;
    this.#frames?.update(next.value);
    return next.value;
  }

  unread(pieces: readonly Uint8Array[]): void {
    this.#unread = [...pieces, ...this.#unread];
  }
}

/** Moves bytes from the source into the engine, no faster than it takes them. */
class Feed {
  readonly #pieces: Pieces;
  readonly #engine: Engine;
  /** What was given to the engine and is perhaps not taken yet, and where in all its input that begins. */
  readonly #given: Uint8Array[] = [];
  #givenFrom = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** What the source threw. */
  failure: unknown;

  constructor(pieces: Pieces, engine: Engine) {
    this.#pieces = pieces;
    this.#engine = engine;
    engine.on('drain', () => this.#wake?.());
    engine.on('close', () => this.#wake?.());
    // Errors reach the reader of the engine; without a listener here, one after its end would end the process.
    engine.on('error', () => this.#wake?.());
  }

  /** Never rejects: a failure is kept and ends the engine. */
  async run(): Promise<void> {
    try {
      for (let piece = await this.#pieces.next(); piece !== undefined; piece = await this.#pieces.next()) {
        this.#forgetTaken();
        this.#given.push(piece);
        if (this.#isOver()) return;
        if (!this.#engine.write(piece)) await this.#drained();
        if (this.#isOver()) return;
      }
      this.#engine.end();
    } catch (error) {
      this.failure = error;
      this.#engine.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Ends the feeding; a read that is under way still ends. */
  stop(): void {
    this.#stopped = true;
    this.#engine.destroy();
    this.#wake?.();
  }

  /** What the engine did not take, once the feeding has ended. */
  rest(): Uint8Array[] {
    this.#forgetTaken();
    const [first, ...others] = this.#given;
    if (first === undefined) return [];
    return [first.subarray(this.#engine.bytesWritten - this.#givenFrom), ...others];
  }

  #forgetTaken(): void {
    const taken = this.#engine.bytesWritten;
    for (
      let first = this.#given[0];
      first && this.#givenFrom + first.length <= taken;
      first = this.#given[0]
    ) {
      this.#givenFrom += first.length;
      this.#given.shift();
    }
  }

  #isOver(): boolean {
    return this.#stopped || this.#engine.destroyed || this.#engine.readableEnded;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

function malformed(error: unknown, compression: Compression): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const isCodecError = typeof code === 'string' && /^(Z_|ZSTD_|ERR_ZSTD)/.test(code);
  if (!isCodecError) return error;
  return archiveError(`its ${compression} data is damaged (${(error as Error).message})`, error);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
