import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { EngineshedError } from '../errors/index.js';
import type { Host } from './host.js';

/** The most bytes of a password on standard input: tokens have a few thousand. */
const maxSecretBytes = 64 * 1024;

/**
 * Reads a secret from standard input to its end; one line break there is left out.
 * @throws EngineshedError `USAGE` where it is too long
 */
export async function readSecret(host: Host): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of host.process.stdin) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    size += bytes.byteLength;
    if (size > maxSecretBytes)
      throw new EngineshedError(
        'USAGE',
        `Standard input has more than ${maxSecretBytes} bytes, which is no password`,
      );
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Asks for a line on the terminal; undefined where the user gives up (Ctrl-C, Ctrl-D). */
export function askLine(host: Host, question: string): Promise<string | undefined> {
  const { stderr } = host.process;
  return ask(host, question, (chunk) => void stderr.write(chunk));
}

/** As {@link askLine}, without showing what is typed. */
export function askSecret(host: Host, question: string): Promise<string | undefined> {
  return ask(host, question, () => undefined);
}

function ask(host: Host, question: string, echo: (chunk: string) => void): Promise<string | undefined> {
  const { stdin, stderr } = host.process;
  // In raw mode the terminal itself shows nothing; what readline would show goes here.
  const output = new Writable({
    write: (chunk, _encoding, done) => {
      echo(String(chunk));
      done();
    },
  });
  const lines = createInterface({ input: stdin, output, terminal: true, historySize: 0 });
  // Only now is the terminal silent.
  stderr.write(question);
  return new Promise((resolve) => {
    let answer: string | undefined;
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      stderr.write('\n');
      resolve(answer);
    });
  });
}
