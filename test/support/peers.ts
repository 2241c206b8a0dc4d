import { execFileSync } from 'node:child_process';

/** Whether missing peers fail tests instead of skipping them: in CI. */
export const peersRequired = process.env.ENGINESHED_REQUIRE_PEERS === '1';

/** Whether the tests against these programs are to be skipped, because one is missing and none is required. */
export function peersMissing(...programs: readonly string[]): boolean {
  return !peersRequired && !programs.every(hasProgram);
}

function hasProgram(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
