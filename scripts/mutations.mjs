// The defences that tests must notice the lack of: test/mutations/*.json, see docs/reliability.md.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/**
 * All mutations: `file`, `text` (once in it) and what is put `instead`, the `tests` that must notice, all of them or `only` some; with
 * the `list` that each is in.
 */
export function readMutations(root) {
  const directory = `${root}/test/mutations`;
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();
  const all = files.flatMap((list) =>
    JSON.parse(readFileSync(`${directory}/${list}`, 'utf8')).map((mutation) => ({ ...mutation, list })),
  );
  if (all.length === 0) throw new Error(`there are no mutations in ${directory}`);
  return all;
}

/** What keeps mutations from being tried, one line each: source text or tests that are not there, or twice, a program that is not built. */
export function staleness(root, mutations) {
  const sources = new Map();
  const sourceOf = (file) => {
    if (!sources.has(file))
      sources.set(file, existsSync(`${root}/${file}`) ? readFileSync(`${root}/${file}`, 'utf8') : undefined);
    return sources.get(file);
  };
  const known = new Set();
  return mutations.flatMap(({ list, defence, file, text, instead, tests, build }) => {
    const say = (fault) => `${list}: ${defence}: ${fault}`;
    const missing = tests.filter((test) => !existsSync(`${root}/${test}`));
    if (missing.length > 0 || tests.length === 0) return [say(`there is no test ${missing}`)];
    // Only where all start the program: some are there for what they do in their own process.
    if (build !== true && tests.every((test) => startsProgram(test, sourceOf)))
      return [say(`${tests} start the program, and "build" is not set`)];
    const source = sourceOf(file);
    if (source === undefined) return [say(`there is no file ${file}`)];
    const change = JSON.stringify([file, text, instead]);
    if (known.has(change) || text === instead) return [say('it changes nothing, or is there twice')];
    known.add(change);
    const count = source.split(text).length - 1;
    return count === 1 ? [] : [say(`${file} has the text ${count} times: ${text}`)];
  });
}

/** Whether a test imports what starts the program, itself or by the helpers beside it. */
function startsProgram(file, sourceOf) {
  const imports = [...(sourceOf(file) ?? '').matchAll(/^(?:import|\}) .*from '(\.[^']*)\.js';/gm)];
  return imports
    .filter(([line]) => !line.startsWith('import type'))
    .map(([, path]) => posix.join(posix.dirname(file), `${path}.ts`))
    .some(
      (path) =>
        path === 'test/acceptance/cli.ts' || (path.startsWith('test/') && startsProgram(path, sourceOf)),
    );
}
