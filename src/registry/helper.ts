import { spawn } from 'node:child_process';
import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';

/** How long a helper may take, in milliseconds: some ask the user to unlock a key ring. */
const helperMs = 60_000;
/** The most bytes of its answer. */
const maxAnswerBytes = 1024 * 1024;
/** What helpers print, by the protocol of docker-credential-helpers, where they have no login for a server. */
const notFound = 'credentials not found in native keychain';

const answerSchema = v.looseObject({ Username: v.string(), Secret: v.string() });

/** How a helper is run. */
export interface HelperOptions {
  /** The environment of the process, and the `PATH` where it is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long it may take, in milliseconds; one minute where nothing is said. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Asks `docker-credential-NAME get` for the login of a server. The server goes to its standard input; nothing is put on
 * its command line. Its output never gets into an error, for it may hold secrets.
 * @returns undefined where the helper has none
 * @throws EngineshedError `CREDENTIALS_FAILED`
 */
export async function runCredentialHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<{ username: string; secret: string } | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) {
    throw failed(name, server, 'its name must be a plain name, without a path');
  }
  const { status, output } = await run(name, server, options);
  if (output.toString('utf8').trim() === notFound) return undefined;
  if (status !== 0) throw failed(name, server, `it ended with ${status ?? 'a signal'}`);
  const answer = parseAnswer(output);
  if (answer === undefined) throw failed(name, server, 'its answer is not in the form that helpers have');
  if (answer.Username === '' && answer.Secret === '') return undefined;
  return { username: answer.Username, secret: answer.Secret };
}

function run(
  name: string,
  server: string,
  { env, timeoutMs = helperMs }: HelperOptions,
): Promise<{ status: number | null; output: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, ['get'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (fault: string, hint?: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A process that the helper left behind may hold the pipe open.
      child.stdout.destroy();
      reject(failed(name, server, fault, hint));
    };
    const timer = setTimeout(() => giveUp(`it took more than ${timeoutMs / 1000} s`), timeoutMs);
    child.on('error', (error: NodeJS.ErrnoException) =>
      giveUp(
        error.code === 'ENOENT' ? 'there is no such program on the PATH' : `it cannot be run (${error.code})`,
        `Install docker-credential-${name}, or take the helper out of the credential file.`,
      ),
    );
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > maxAnswerBytes) giveUp('its answer does not end');
      else chunks.push(chunk);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output: Buffer.concat(chunks) });
    });
    // A helper that does not read its input shows that by its answer.
    child.stdin.on('error', () => undefined);
    child.stdin.end(server);
  });
}

function parseAnswer(output: Buffer): v.InferOutput<typeof answerSchema> | undefined {
  try {
    return v.parse(answerSchema, parseJson(output, 'answer'));
  } catch {
    return undefined;
  }
}

function failed(name: string, server: string, fault: string, hint?: string): EngineshedError {
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `The credential helper "${name}" gave no login for ${server}: ${fault}`,
    { hint: hint ?? `Try it by hand: echo ${server} | docker-credential-${name} get` },
  );
}
