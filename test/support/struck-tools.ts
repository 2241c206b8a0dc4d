import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';

/** The programs by which a shell script changes files. */
const changing = ['mkdir', 'mv', 'rm', 'rmdir', 'ln', 'chmod', 'cp', 'tar', 'dd'];

/** A script that is run to be killed. */
export interface Struck {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** How a script that was to be killed ended. */
export interface Ended {
  /** `over` where it came to its end before. */
  readonly how: 'killed' | 'over';
  /** Its exit status; null where it was killed. */
  readonly status: number | null;
  /** The programs that change files, with their arguments, in the order in which it started them. */
  readonly calls: readonly string[];
}

/**
 * Runs a shell script and kills it with all that it started, where it is about to start the Nth program that changes files. So
 * every step is met at which it can be killed, apart from those inside of one program.
 * @param home a directory for the programs that kill
 * @param at N, counted from 1
 */
export function strikeAt(home: string, script: Struck, at: number): Promise<Ended> {
  const directory = `${home}/struck`;
  const [count, log] = [`${directory}/count`, `${directory}/log`];
  if (!existsSync(directory)) prepare(directory, script.environment.PATH ?? '');
  writeFileSync(count, '0\n');
  writeFileSync(log, '');
  const environment = { ...script.environment, PATH: `${directory}:${script.environment.PATH}` };
  return runGroup({ ...script, environment: { ...environment, STRIKE_AT: String(at) } }).then((ended) => ({
    ...ended,
    calls: readFileSync(log, 'utf8').trimEnd().split('\n'),
  }));
}

function runGroup({ command: [file, ...args], cwd, environment }: Struck): Promise<Omit<Ended, 'calls'>> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: environment, detached: true, stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ how: signal === 'SIGKILL' ? 'killed' : 'over', status });
    });
  });
}

/** One program that counts, kills its process group when it is time, and else is the program by whose name it was called. */
function prepare(directory: string, path: string): void {
  mkdirSync(directory);
  writeFileSync(
    `${directory}/striking`,
    `#!/bin/sh
read -r calls <'${directory}/count'
calls=$((calls + 1))
echo "$calls" >'${directory}/count'
echo "\${0##*/} $*" >>'${directory}/log'
[ "$calls" -ne "$STRIKE_AT" ] || kill -9 0
PATH='${path}'
exec "\${0##*/}" "$@"
`,
  );
  chmodSync(`${directory}/striking`, 0o755);
  for (const name of changing) symlinkSync('striking', `${directory}/${name}`);
}
