import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { send } from './answer.js';
import { Contents } from './contents.js';
import { serve } from './protocol.js';
import { type RecordedRequest, record } from './request.js';
import { type Proper, type Script, strike } from './script.js';

/** How to start a scripted registry. */
export interface ScriptedRegistryOptions {
  /** The port; a free one where none is given. */
  readonly port?: number;
  /** What it stores, where several are to share it; nothing at first where none is given. */
  readonly contents?: Contents;
  /** PEM texts to serve over TLS with; plain http without. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A registry of the distribution specification, on loopback, that records what it is asked and misbehaves on request. */
export class ScriptedRegistry {
  /** What it stores; tests may put things in and take them out. */
  readonly contents: Contents;
  /** Every request, in the order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** `127.0.0.1:port`, as in references. */
  readonly host: string;
  /** `http://127.0.0.1:port`, or https. */
  readonly url: string;
  readonly #server: http.Server;
  #scripts: Script[] = [];

  private constructor(server: http.Server, scheme: string, contents: Contents) {
    this.contents = contents;
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.url = `${scheme}://${this.host}`;
  }

  /** Starts one on the loopback interface; rejects where the port is taken. */
  static async start(options: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
    const { tls, port = 0, contents = new Contents() } = options;
    const server = tls === undefined ? http.createServer() : https.createServer(tls);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const registry = new ScriptedRegistry(server, tls === undefined ? 'http' : 'https', contents);
    server.on('request', (incoming, response) => {
      registry.#answer(incoming, response).catch(() => response.destroy());
    });
    return registry;
  }

  /** Adds a script; later ones are asked first. */
  script(script: Script): void {
    this.#scripts = [script, ...this.#scripts];
  }

  /** Adds a script that answers the first `times` requests that it fits. */
  scriptTimes(
    times: number,
    fits: (request: RecordedRequest) => boolean,
    script: (request: RecordedRequest, response: http.ServerResponse, proper: Proper) => void | Promise<void>,
  ): void {
    this.script(strike({ times }, fits, script));
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
    const request = record(incoming);
    const proper: Proper = (asked = request) => serve(this.contents, asked);
    this.requests.push(request);
    for (const script of this.#scripts) {
      if ((await script(request, response, proper)) === 'handled') return;
    }
    const answer = await proper();
    if (answer !== undefined) send(response, answer);
  }
}
