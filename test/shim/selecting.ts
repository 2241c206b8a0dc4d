import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/remove.js';
import { type Call, makeStand, type Stand, selectedByProgram, selectedByShim, shells } from './stand.js';

/** What is there, what is called, and what is to be selected of it: a key of the stand, or `handed over`. */
export interface Case {
  readonly title: string;
  readonly prepare?: (stand: Stand) => unknown;
  readonly call?: Call;
  readonly expected: 'earlier' | 'later' | 'second' | 'handed over';
  readonly as?: 'root';
}

/** Another user, who need not exist. */
export const somebody = 12_345;

/** Writes the file of the project. */
export const pin = (text: string) => (stand: Stand) => stand.write('project/engineshed.toml', text);

/** A call with variables. */
export const environment = (variables: Readonly<Record<string, string>>): Call => ({
  environment: variables,
});

/** A test for each case, all in one stand: in every shell, the shim selects the same as the program does. */
export function itSelects(cases: readonly Case[]): void {
  const isRoot = process.getuid?.() === 0;
  const home = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-test-`));
  let made: Promise<Stand> | undefined;
  afterAll(() => removeTree(home));

  it.each(cases.filter(({ as }) => as === undefined || isRoot))(
    '$title',
    async ({ prepare, call, expected }) => {
      made ??= makeStand(home);
      const stand = await made;
      for (const path of ['project', '.config', 'elsewhere', 'short', 'engineshed.toml', 'store/current'])
        rmSync(`${home}/${path}`, { recursive: true, force: true });
      mkdirSync(`${home}/project/sub`, { recursive: true });
      await prepare?.(stand);
      const wanted = expected === 'handed over' ? expected : stand[expected];
      const calling = placed(stand, call);
      expect(selectedByProgram(stand, calling)).toBe(wanted);
      const selected = shells.map((shell) => [shell.join(' '), selectedByShim(stand, shell, calling)]);
      expect(selected).toEqual(shells.map((shell) => [shell.join(' '), wanted]));
    },
  );
}

/** What stands in a call for a path of the stand's home is made one. */
function placed(stand: Stand, { directory, environment: variables = {} }: Call = {}): Call {
  const absolute = Object.entries(variables).map(([name, value]) => [
    name,
    name === 'XDG_CONFIG_HOME' || name === 'PWD' ? `${stand.home}/${value}` : value,
  ]);
  return {
    ...(directory === undefined ? {} : { directory: `${stand.home}/${directory}` }),
    environment: Object.fromEntries(absolute),
  };
}
