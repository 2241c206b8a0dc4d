// Takes one defence after the other out of a copy of the sources and expects a test to fail for each: `npm run mutate`.
// `-- WORD...` takes only defences whose name or file has one of the words; `-- --part 2/4` the second of four parts, and
// `-- --part today/4` one of four, another each day. The defences are in test/mutations/*.json, see docs/reliability.md.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const copied = [
  'src',
  'test',
  'scripts',
  'catalog',
  'docs',
  'examples',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
  'README.md',
  'CHANGELOG.md',
];
const workers = 2;
/** A test that a mutation lets hang has noticed it after so many milliseconds. */
const hangs = 180_000;
/** All tests without a change have so many. */
const allHang = 1_800_000;

const mutations = choose(readMutations(), process.argv.slice(2));
const home = mkdtempSync(`${tmpdir()}/engineshed-mutate-`);
const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => finish(130));

try {
  process.exitCode = await main();
} finally {
  clean();
}

async function main() {
  const started = performance.now();
  const stale = mutations.flatMap(staleness);
  if (stale.length > 0) return report('These do not fit the sources any more:', stale);
  const copies = Array.from({ length: workers }, (_, at) => copyTo(`${home}/${at}`));
  console.log(`> ${mutations.length} defences; first all their tests without a change`);
  const broken = await unfit(copies[0]);
  if (broken.length > 0) return report('Nothing can be told by these tests:', broken);
  const survivors = await inParallel(copies, mutations, async (copy, mutation) => {
    const { outcome, seconds } = await tried(copy, mutation);
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

/** All mutations: `file`, `text` (once in it) and what is put `instead`, the `tests` that must notice, all of them or `only` some. */
function readMutations() {
  const directory = `${root}/test/mutations`;
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();
  const all = files.flatMap((name) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8')));
  if (all.length === 0) throw new Error(`there are no mutations in ${directory}`);
  return all;
}

function choose(all, args) {
  const words = [];
  let part = [0, 1];
  for (let at = 0; at < args.length; at++) {
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
  const chosen = all.filter(
    ({ defence, file }, at) =>
      at % part[1] === part[0] &&
      (words.length === 0 || words.some((word) => `${defence} ${file}`.toLowerCase().includes(word))),
  );
  if (chosen.length === 0) throw new Error('no defence has such a name');
  return chosen;
}

function staleness({ defence, file, text }) {
  const count = readFileSync(`${root}/${file}`, 'utf8').split(text).length - 1;
  return count === 1 ? [] : [`${defence}: ${file} has the text ${count} times: ${text}`];
}

function copyTo(directory) {
  for (const name of copied) cpSync(`${root}/${name}`, `${directory}/${name}`, { recursive: true });
  symlinkSync(`${root}/node_modules`, `${directory}/node_modules`, 'junction');
  return directory;
}

/** Runs all tests without any change: they must pass, and each mutation must have one. */
async function unfit(copy) {
  const tests = [...new Set(mutations.flatMap((mutation) => mutation.tests))];
  const build = mutations.some((mutation) => mutation.build);
  const { outcome, seen } = await runTests(copy, { tests, build }, { workers, hangs: allHang });
  if (outcome !== 'passed') return [`without any change: ${outcome}`, ...failuresOf(seen)];
  const names = new Map(
    seen.testResults.map(({ name, assertionResults }) => [
      name.slice(name.indexOf('/test/') + 1),
      assertionResults.flatMap(({ status, fullName }) => (status === 'passed' ? [fullName] : [])),
    ]),
  );
  return mutations.flatMap(({ defence, tests: files, only = '' }) =>
    files.every((file) => !names.get(file)?.some((name) => new RegExp(only).test(name)))
      ? [`${defence}: no test of ${files.join(', ')} ran that has "${only}" in its name`]
      : [],
  );
}

function failuresOf(seen) {
  return (seen?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) =>
    status === 'passed'
      ? []
      : [
          `${name}: ${message}`,
          ...assertionResults.flatMap((test) => (test.status === 'failed' ? [test.fullName] : [])),
        ],
  );
}

async function tried(copy, mutation) {
  const path = `${copy}/${mutation.file}`;
  const source = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    source.replace(mutation.text, () => mutation.instead),
  );
  try {
    return await runTests(copy, mutation);
  } finally {
    writeFileSync(path, source);
  }
}

/** Runs tests in a copy. Only a test that failed tells something: sources that do not load at all are an error of the list. */
async function runTests(copy, { tests, only, build }, limits = { workers: 1, hangs }) {
  const started = performance.now();
  const result = (outcome, seen) => ({ outcome, seen, seconds: (performance.now() - started) / 1000 });
  if (build) {
    try {
      execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, stdio: 'pipe' });
    } catch {
      return result('it does not build');
    }
  }
  const output = `${copy}/result.json`;
  rmSync(output, { force: true });
  const args = [
    'run',
    `--maxWorkers=${limits.workers}`,
    '--bail=1',
    '--reporter=json',
    `--outputFile=${output}`,
    ...tests,
  ];
  if (only !== undefined) args.push('-t', only);
  const { ended, said } = await start(
    copy,
    [`${root}/node_modules/vitest/vitest.mjs`, ...args],
    limits.hangs,
  );
  if (!ended) return result('hung');
  let seen;
  try {
    seen = JSON.parse(readFileSync(output, 'utf8'));
  } catch {
    return result(`the tests did not run: ${said}`);
  }
  if (seen.numFailedTests > 0) return result('failed', seen);
  if (!seen.success) return result('it does not load', seen);
  return result(seen.numPassedTests > 0 ? 'passed' : 'it has no such test', seen);
}

/** Runs Node; tells whether it ended by itself, and the end of what it said of errors. */
function start(cwd, args, limit) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    children.add(child);
    let ended = true;
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-400);
    });
    const timer = setTimeout(() => {
      ended = false;
      child.kill('SIGKILL');
    }, limit);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ ended, said: `${signal ?? `exit status ${status}`} ${said}` });
    });
  });
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
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
}

function finish(status) {
  clean();
  process.exit(status);
}
