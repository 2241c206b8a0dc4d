import type { IncomingMessage } from 'node:http';

/** How many bytes wait for the reader before the sender is held back. */
const maxQueuedBytes = 256 * 1024;

/**
 * The body of a message, taken as it arrives. Other than the message's own iterator it gives everything that came before a
 * connection was lost, and the loss only then: what is there need not be asked for again.
 */
export class BodyQueue {
  readonly #message: IncomingMessage;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: { readonly error: unknown } | undefined;
  #dropping = false;
  #isAwaited = false;
  #wake: () => void = () => undefined;

  constructor(message: IncomingMessage) {
    this.#message = message;
    message.on('data', (chunk: Uint8Array) => this.#take(chunk));
    message.once('end', () => this.#finish(undefined));
    message.on('error', (error) => this.#finish(error));
    message.once('close', () => this.#finish(new Error('the connection was closed')));
  }

  /** Whether a reader waits for bytes that are not there. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /**
   * The next bytes; undefined at the end.
   * @throws what ended the message early
   */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#end !== undefined) {
        if (this.#end.error === undefined) return undefined;
        throw this.#end.error;
      }
      this.#isAwaited = true;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#isAwaited = false;
    }
    const chunk = this.#chunks.shift() as Uint8Array;
    this.#bytes -= chunk.byteLength;
    if (this.#bytes < maxQueuedBytes && this.#message.isPaused()) this.#message.resume();
    return chunk;
  }

  /** Throws away what is there and what still comes. */
  drop(): void {
    this.#dropping = true;
    this.#chunks = [];
    this.#message.resume();
  }

  #take(chunk: Uint8Array): void {
    if (this.#dropping) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes >= maxQueuedBytes) this.#message.pause();
    this.#wake();
  }

  #finish(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }
}
