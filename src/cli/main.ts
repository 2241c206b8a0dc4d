import { homedir, tmpdir } from 'node:os';
import { isAbsolute } from 'node:path';
import { run } from '@stricli/core';
import { EngineshedError, errorKinds, inOperation } from '../errors/index.js';
import { application } from './app.js';
import { proposeCommand } from './completion/scripts.js';
import { endEvents } from './events.js';
import { failureStatus, formatFailure } from './failure.js';
import type { Host } from './host.js';
import { lookAtChannels, noticeAfter } from './notice/after.js';
import { lookCommand } from './notice/command.js';
import { readableWords } from './words.js';

declare const ENGINESHED_VERSION: string;

const host: Host = {
  process: {
    stdout: process.stdout,
    stderr: process.stderr,
    // Node opens it when it is first looked at, and one command only does.
    get stdin() {
      return process.stdin;
    },
  },
  environment: process.env,
  arguments: process.argv.slice(2),
  // The directory may be gone, and the user without a home; only who needs them is to fail.
  get directory() {
    try {
      return process.cwd();
    } catch (cause) {
      throw new EngineshedError('PATH_NOT_FOUND', 'The working directory is not there any more', { cause });
    }
  },
  platform: process.platform,
  architecture: process.arch,
  pid: process.pid,
  userId: process.getuid?.(),
  get home() {
    return findHome();
  },
  temporary: tmpdir(),
  version: ENGINESHED_VERSION,
  nodeVersion: process.versions.node,
  now: () => new Date(),
  async inBackground(...args) {
    const { spawn } = await import('node:child_process');
    const [, script = ''] = process.argv;
    const options = { detached: true, stdio: 'ignore', windowsHide: true } as const;
    spawn(process.execPath, [script, ...args], options)
      .on('error', () => {})
      .unref();
  },
  firstUse: () => import('./first-use.js'),
};

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader such as `head` may stop reading; that is its right and no failure of ours.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`${formatFailure(host, inOperation('Writing the result', error))}\n`);
  process.exit(failureStatus(error));
});
// Whoever does not want to hear of progress and errors still gets what was asked for.
process.stderr.on('error', () => {});

let isDone = false;
// Where nothing is left to wait for, Node ends a program well; a command that still waits has not done its work.
process.once('beforeExit', () => {
  if (isDone) return;
  const fault = new EngineshedError('INTERNAL', 'The command waits for something that does not come');
  process.stderr.write(`${formatFailure(host, fault)}\n`);
  process.exitCode = fault.exitStatus;
});

process.once('exit', (status) => endEvents(host, status));

work().then(
  () => {
    isDone = true;
    const status = Number(host.process.exitCode ?? 0);
    // The parser's own statuses are negative and mean that the command line was wrong.
    process.exitCode = status < 0 ? errorKinds.usage : status;
  },
  (error) => {
    isDone = true;
    process.stderr.write(`${formatFailure(host, error)}\n`);
    process.exitCode = failureStatus(error);
  },
);

/** What lies there is trusted: it must not be found wherever one happens to work. */
function findHome(): string {
  const hint = 'Set HOME to an absolute path.';
  let home: string;
  try {
    home = homedir();
  } catch (cause) {
    throw new EngineshedError('CONFIG_INVALID', 'This user has no home directory', { hint, cause });
  }
  if (isAbsolute(home)) return home;
  throw new EngineshedError('CONFIG_INVALID', `HOME is "${home}", which is not an absolute path`, { hint });
}

function work(): Promise<void> {
  if (host.arguments[0] === proposeCommand) return proposeWords();
  if (host.arguments[0] === lookCommand) return lookForChannels();
  return run(application(host), readableWords(host.arguments), host).then(() =>
    Number(host.process.exitCode ?? 0) === 0 ? noticeAfter(host) : undefined,
  );
}

/** Whoever was not asked for does not stay. */
async function lookForChannels(): Promise<void> {
  setTimeout(() => process.exit(0), 60_000).unref();
  await lookAtChannels(host);
}

/** Ends the process at once: a registry that did not answer in time would keep it waiting. */
async function proposeWords(): Promise<void> {
  const { formatProposals, propose } = await import('./completion/propose.js');
  const text = formatProposals(await propose(host, host.arguments.slice(2)));
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  process.exit(0);
}
