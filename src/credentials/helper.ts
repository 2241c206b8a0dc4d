import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import { type Environment, withoutLogins } from './environment.js';

/** How long a helper may take, in milliseconds: some ask the user to unlock a key ring. */
const helperMs = 60_000;
/** The most bytes of its answer. */
const maxAnswerBytes = 1024 * 1024;
/** What helpers print, by the protocol of docker-credential-helpers, where they have no login for a server. */
const notFound = 'credentials not found in native keychain';

const loginSchema = v.looseObject({ Username: v.string(), Secret: v.string() });
const listSchema = v.record(v.string(), v.string());

/** A login as helpers have it; the user name `<token>` stands for an identity token. */
export interface HelperLogin {
  readonly username: string;
  readonly secret: string;
}

/**
 * A program that keeps logins (docker-credential-helpers). `server` is the registry as helpers know it.
 * Every method throws EngineshedError `CREDENTIALS_FAILED` where the program is missing, fails or does not end.
 */
export interface CredentialHelper {
  /** The login of a server; undefined where the helper has none. */
  get(server: string): Promise<HelperLogin | undefined>;
  /** The servers that it has logins of, each with its user name. */
  list(): Promise<ReadonlyMap<string, string>>;
  /** Keeps a login, in place of an earlier one. */
  store(server: string, login: HelperLogin): Promise<void>;
  /** Forgets the login of a server; does nothing where there is none. */
  erase(server: string): Promise<void>;
}

/** Gives the helper of a name, which is that of its program without `docker-credential-`. */
export type HelperOf = (name: string) => CredentialHelper;

/** How a helper is run. */
export interface HelperOptions {
  /** The environment of the process, without the logins in it, and the `PATH` where it is looked for. */
  readonly env: Environment;
}

type Action = 'get' | 'list' | 'store' | 'erase';

const failures = {
  get: 'gave no login for',
  list: 'did not list',
  store: 'did not store the login for',
  erase: 'did not erase the login for',
} as const satisfies Record<Action, string>;

/**
 * The helper `docker-credential-NAME`. Servers and secrets go to its standard input; its command line has the action only. Its
 * output never gets into an error, for it may hold secrets.
 */
export function credentialHelper(name: string, options: HelperOptions): CredentialHelper {
  const act = (action: Action, what: string, input: string) => run({ name, action, what, input }, options);
  return {
    async get(server) {
      const answer = await act('get', server, server);
      if (answer.isNotFound) return undefined;
      const login = parseAnswer(loginSchema, answer.output);
      if (login === undefined) throw unreadable(name, 'get', server);
      if (login.Username === '' && login.Secret === '') return undefined;
      return { username: login.Username, secret: login.Secret };
    },
    async list() {
      const answer = await act('list', 'its logins', '');
      if (answer.isNotFound) return new Map();
      const logins = parseAnswer(listSchema, answer.output);
      if (logins === undefined) throw unreadable(name, 'list', 'its logins');
      return new Map(Object.entries(logins));
    },
    async store(server, { username, secret }) {
      const login = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
      await act('store', server, login);
    },
    async erase(server) {
      await act('erase', server, server);
    },
  };
}

interface Call {
  readonly name: string;
  readonly action: Action;
  /** What it is about, for errors. */
  readonly what: string;
  readonly input: string;
}

interface Answer {
  readonly isNotFound: boolean;
  readonly output: Buffer;
}

async function run(call: Call, options: HelperOptions): Promise<Answer> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(call.name)) {
    throw failed(call, 'its name must be a plain name, without a path');
  }
  const { status, output } = await runProgram(call, options);
  const isNotFound = output.toString('utf8').trim() === notFound;
  if (status === 0 || (isNotFound && call.action !== 'store')) return { isNotFound, output };
  throw failed(call, `it ended with ${status ?? 'a signal'}`);
}

async function runProgram(
  call: Call,
  { env }: HelperOptions,
): Promise<{ status: number | null; output: Buffer }> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${call.name}`, [call.action], {
      env: withoutLogins(env),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (fault: string, hint?: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A process that the helper left behind may hold the pipe open.
      child.stdout.destroy();
      reject(failed(call, fault, hint));
    };
    const timer = setTimeout(() => giveUp(`it took more than ${helperMs / 1000} s`), helperMs);
    child.on('error', (error: NodeJS.ErrnoException) =>
      giveUp(
        error.code === 'ENOENT' ? 'there is no such program on the PATH' : `it cannot be run (${error.code})`,
        `Install docker-credential-${call.name}, or take the helper out of the credential file.`,
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
    child.stdin.end(call.input);
  });
}

function parseAnswer<T>(schema: v.GenericSchema<unknown, T>, output: Buffer): T | undefined {
  try {
    return v.parse(schema, parseJson(output, 'answer'));
  } catch {
    return undefined;
  }
}

function unreadable(name: string, action: Action, what: string): EngineshedError {
  return failed({ name, action, what }, 'its answer is not in the form that helpers have');
}

function failed({ name, action, what }: Omit<Call, 'input'>, fault: string, hint?: string): EngineshedError {
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `The credential helper "${name}" ${failures[action]} ${what}: ${fault}`,
    { hint: hint ?? byHand(name, action, what) },
  );
}

function byHand(name: string, action: Action, server: string): string {
  const program = `docker-credential-${name}`;
  if (action === 'list') return `Try it by hand: ${program} list`;
  return action === 'store'
    ? `See what ${program} needs.`
    : `Try it by hand: echo ${server} | ${program} ${action}`;
}
