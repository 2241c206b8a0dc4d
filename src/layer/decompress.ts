import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { EngineshedError } from '../errors/index.js';
import { type Compression, layerCompression } from '../oci/index.js';
import { archiveError } from './faults.js';

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
  const options = {
    chunkSize,
    readableObjectMode: true,
    readableHighWaterMark: chunksAhead,
    writableHighWaterMark: inputAhead,
  };
  const engine: Engine =
    compression === 'gzip' ? zlib.createGunzip(options) : (createZstdDecompress as CreateEngine)(options);
  const feed = new Feed(source, engine);
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
  // The engine stops without a word at bytes that begin no further member.
  if (!feed.exhausted || engine.bytesWritten !== feed.bytes) {
    throw archiveError(`there are bytes behind the end of the ${compression} data`);
  }
}

/** A zlib stream, as far as it is used here. */
type Engine = Transform & { readonly bytesWritten: number };
type CreateEngine = (options: object) => Engine;

/** Since Node 22.15; the types of Node 20 do not know it. */
const createZstdDecompress = (zlib as { createZstdDecompress?: CreateEngine }).createZstdDecompress;

/** Moves bytes from the source into the engine, no faster than it takes them. */
class Feed {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #engine: Engine;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** The bytes given to the engine. */
  bytes = 0;
  /** Whether the source came to its regular end. */
  exhausted = false;
  /** What the source threw. */
  failure: unknown;

  constructor(source: AsyncIterator<Uint8Array>, engine: Engine) {
    this.#source = source;
    this.#engine = engine;
    engine.on('drain', () => this.#wake?.());
    engine.on('close', () => this.#wake?.());
    // Errors reach the reader of the engine; without a listener here, one after its end would end the process.
    engine.on('error', () => this.#wake?.());
  }

  /** Never rejects: a failure is kept and ends the engine. */
  async run(): Promise<void> {
    try {
      for (let next = await this.#source.next(); !next.done; next = await this.#source.next()) {
        if (this.#isOver()) return;
        this.bytes += next.value.byteLength;
        if (!this.#engine.write(next.value)) await this.#drained();
        if (this.#isOver()) return;
      }
      this.exhausted = true;
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
