// Takes one defence after the other out of a copy of the sources and expects a test to fail for each: `npm run mutate`.
// `-- WORD...` takes only defences whose name, file or list has one of the words; `-- --part 2/4` the second of four parts, and
// `-- --part today/4` one of four, another each day; `-- --survivors` those that are known to survive. The defences are in test/mutations/*.json, see docs/reliability.md.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Copy, stopRunners } from './mutate-copy.mjs';
import { readMutations, staleness } from './mutations.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const workers = 2;

const mutations = choose(readMutations(root), process.argv.slice(2));
const home = mkdtempSync(`${tmpdir()}/engineshed-mutate-`);
// Some tests run the program as another user.
chmodSync(home, 0o755);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => finish(130));

try {
  process.exitCode = await main();
} finally {
  clean();
}

async function main() {
  const started = performance.now();
  const stale = staleness(root, mutations);
  if (stale.length > 0) return report('These do not fit the sources any more:', stale);
  const copies = Array.from({ length: workers }, (_, at) => new Copy(root, `${home}/${at}`));
  console.log(`> ${mutations.length} defences; first their tests without a change`);
  const broken = await unfit(copies);
  if (broken.length > 0) return report('Nothing can be told by these tests:', broken);
  const survivors = await inParallel(copies, mutations, async (copy, mutation) => {
    const { outcome, seconds } = await copy.tried(mutation);
    const noticed = outcome === 'failed' || outcome === 'hung';
    console.log(
      `${noticed ? 'noticed ' : 'SURVIVED'} ${seconds.toFixed(1).padStart(5)} s  ${mutation.defence}`,
    );
    if (noticed) return [];
    return [`${mutation.defence} (${mutation.file}): ${outcome === 'passed' ? 'no test failed' : outcome}`];
  });
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(
    `> ${mutations.length - survivors.length} of ${mutations.length} noticed, in ${minutes} minutes`,
  );
  return survivors.length === 0 ? 0 : report('These survived:', survivors);
}

function choose(all, args) {
  const words = [];
  let part = [0, 1];
  let wanted = 'noticed';
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--survivors') {
      wanted = 'survivors';
      continue;
    }
    if (args[at] !== '--part') {
      words.push(args[at].toLowerCase());
      continue;
    }
    const [, which, parts] = /^(\d+|today)\/(\d+)$/.exec(args[++at] ?? '') ?? [];
    if (parts === undefined || Number(parts) === 0)
      throw new Error('write --part NUMBER/PARTS or --part today/PARTS');
    const day = Math.floor(Date.now() / 86_400_000);
    part = [(which === 'today' ? day : Number(which) - 1) % Number(parts), Number(parts)];
  }
  const known = all.filter(({ survives }) => (survives === undefined) === (wanted === 'noticed'));
  const chosen = known.filter(
    ({ defence, file, list }, at) =>
      at % part[1] === part[0] &&
      (words.length === 0 || words.some((word) => `${defence} ${file} ${list}`.toLowerCase().includes(word))),
  );
  if (chosen.length === 0) throw new Error('no defence has such a name');
  return chosen;
}

/** Runs the tests of all without any change: they must pass, and each mutation must have one. */
async function unfit(copies) {
  if (mutations.some((mutation) => mutation.build)) for (const copy of copies) copy.build();
  const files = new Map();
  for (const { tests, only = '' } of mutations)
    for (const test of tests) files.set(test, [...(files.get(test) ?? []), only]);
  const names = new Map();
  const broken = await inParallel(copies, [...files], async (copy, [file, patterns]) => {
    const only = patterns.includes('')
      ? undefined
      : [...new Set(patterns)].map((each) => `(${each})`).join('|');
    const { outcome, seen } = await copy.run({ tests: [file], only });
    const tests = seen.modules?.flatMap((module) => module.tests) ?? [];
    const of = (wanted) => tests.filter(({ state }) => state === wanted).map(({ name }) => name);
    names.set(file, of('passed'));
    // A mutation may take the other of its tests.
    return outcome === 'passed' || outcome === 'it has no such test'
      ? []
      : [`${file}: ${outcome} ${of('failed')}`];
  });
  if (broken.length > 0) return broken;
  return mutations.flatMap(({ defence, tests, only = '' }) =>
    tests.every((file) => !names.get(file)?.some((name) => new RegExp(only).test(name)))
      ? [`${defence}: no test of ${tests.join(', ')} ran that has "${only}" in its name`]
      : [],
  );
}

async function inParallel(copies, items, work) {
  const left = [...items];
  const found = [];
  await Promise.all(
    copies.map(async (copy) => {
      for (let item = left.shift(); item !== undefined; item = left.shift())
        found.push(...(await work(copy, item)));
    }),
  );
  return found;
}

function report(title, lines) {
  console.error([title, ...lines].join('\n  '));
  return 1;
}

function clean() {
  stopRunners();
  rmSync(home, { recursive: true, force: true });
}

function finish(status) {
  clean();
  process.exit(status);
}
