import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** What a search of programs needs of the process. */
export interface Surroundings {
  /** The environment, for programs that are run too: without logins. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `process.platform` names it. */
  readonly platform: string;
}

/**
 * The absolute path of a program on the PATH; undefined where there is none. Entries that are relative do not count: what is
 * found must not depend on the directory in which somebody stands.
 */
export function findProgram(program: string, { environment, platform }: Surroundings): string | undefined {
  const onWindows = platform === 'win32';
  const extensions = onWindows ? (environment.PATHEXT ?? '.COM;.EXE;.BAT;.CMD').split(';') : [''];
  const path = environment.PATH ?? environment.Path ?? '';
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    for (const extension of extensions) {
      const file = join(directory, program + extension);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
