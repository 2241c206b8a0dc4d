import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { goPeerPath, goPeers } from '../../scripts/go-peers.mjs';

/** Whether missing peers fail tests instead of skipping them: in CI. */
export const peersRequired = process.env.ENGINESHED_REQUIRE_PEERS === '1';

/** Whether the tests against these programs are to be skipped, because one is missing and none is required. */
export function peersMissing(...programs: readonly string[]): boolean {
  return !peersRequired && !programs.every(hasProgram);
}

/** What to start a peer by: its path where it is one that we build, or else its name. */
export function peerProgram(program: string): string {
  return goPeers.includes(program) ? goPeerPath(program) : program;
}

/**
 * Runs a peer; returns what it wrote to its standard output. Rejects with what it wrote to standard error where it failed.
 * @param environment more of it, or other values
 */
export async function runPeer(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(peerProgram(program), args, options);
  return stdout;
}

function hasProgram(program: string): boolean {
  if (goPeers.includes(program)) return existsSync(goPeerPath(program));
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
