import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { Contents } from './contents.js';
import { serve } from './protocol.js';

/** A request as the scripted registry saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** The path, decoded by nobody. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  /** The body, read when a handler asked for it; rejects where the connection is lost before its end. */
  readonly body: () => Promise<Buffer>;
  /** What comes of the body, and whether that is all of it. */
  readonly received: () => Promise<{ readonly bytes: Buffer; readonly whole: boolean }>;
  /** Lets the connection be lost after so many bytes of the body; to be said before the body is read. */
  readonly cutAfter: (bytes: number) => void;
}

/**
 * A piece of misbehaviour, asked before the registry answers properly. It answers itself and returns `handled`, or leaves
 * the request to the next script and at last to the registry by returning nothing.
 */
export type Script = (
  request: RecordedRequest,
  response: http.ServerResponse,
) => 'handled' | undefined | Promise<'handled' | undefined>;

/** How to start a scripted registry. */
export interface ScriptedRegistryOptions {
  /** PEM texts to serve over TLS with; plain http without. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A registry of the distribution specification, on loopback, that records what it is asked and misbehaves on request. */
export class ScriptedRegistry {
  /** What it stores; tests may put things in and take them out. */
  readonly contents = new Contents();
  /** Every request, in the order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** `127.0.0.1:port`, as in references. */
  readonly host: string;
  readonly url: string;
  readonly #server: http.Server;
  #scripts: Script[] = [];

  private constructor(server: http.Server, scheme: string) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.url = `${scheme}://${this.host}`;
  }

  /** Starts one on a free port of the loopback interface. */
  static async start(options: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
    const server = options.tls === undefined ? http.createServer() : https.createServer(options.tls);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const registry = new ScriptedRegistry(server, options.tls === undefined ? 'http' : 'https');
    server.on('request', (incoming, response) => {
      registry.#answer(incoming, response).catch(() => response.destroy());
    });
    return registry;
  }

  /** Adds a script; later ones are asked first. */
  script(script: Script): void {
    this.#scripts = [script, ...this.#scripts];
  }

  /** Adds a script for the first `times` requests that it fits. */
  scriptTimes(
    times: number,
    fits: (request: RecordedRequest) => boolean,
    script: (request: RecordedRequest, response: http.ServerResponse) => void | Promise<void>,
  ): void {
    let left = times;
    this.script(async (request, response) => {
      if (left === 0 || !fits(request)) return undefined;
      left--;
      await script(request, response);
      return 'handled';
    });
  }

  /** The recorded requests, as `METHOD path`. */
  get log(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  /** Ends it and every connection to it. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(`http://registry${incoming.url}`);
    let limit = Number.POSITIVE_INFINITY;
    const received = once(() => readBody(incoming, limit));
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      received,
      body: async () => {
        const { bytes, whole } = await received();
        if (!whole) throw new Error('the connection was lost before the end of the body');
        return bytes;
      },
      cutAfter: (bytes) => {
        limit = bytes;
      },
    };
    this.requests.push(request);
    for (const script of this.#scripts) {
      if ((await script(request, response)) === 'handled') return;
    }
    await serve(this.contents, request, response);
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function readBody(
  incoming: http.IncomingMessage,
  limit: number,
): Promise<{ bytes: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming) {
      chunks.push(chunk as Buffer);
      size += chunk.byteLength;
      if (size < limit) continue;
      incoming.socket.resetAndDestroy();
      return { bytes: Buffer.concat(chunks).subarray(0, limit), whole: false };
    }
  } catch {
    return { bytes: Buffer.concat(chunks), whole: false };
  }
  return { bytes: Buffer.concat(chunks), whole: true };
}
