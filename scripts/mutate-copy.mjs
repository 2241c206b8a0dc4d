// A copy of the sources in which scripts/mutate.mjs takes out one defence after the other.
import { execFileSync, fork } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';

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
/** A test that a mutation lets hang has noticed it after so many milliseconds. */
const hangs = 180_000;

const children = new Set();

/** A copy of the sources at `root`, and a process that runs tests in it. */
export class Copy {
  #directory;
  #runner;
  #changed;

  constructor(root, directory) {
    this.#directory = directory;
    for (const name of copied) cpSync(`${root}/${name}`, `${directory}/${name}`, { recursive: true });
    symlinkSync(`${root}/node_modules`, `${directory}/node_modules`, 'junction');
  }

  build() {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: this.#directory, stdio: 'pipe' });
  }

  /** Tries one mutation. */
  async tried(mutation) {
    const path = `${this.#directory}/${mutation.file}`;
    const source = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      source.replace(mutation.text, () => mutation.instead),
    );
    this.#changed = mutation.file;
    try {
      if (mutation.build) this.build();
      return await this.run(mutation);
    } catch {
      return { outcome: 'it does not build', seconds: 0, seen: none };
    } finally {
      writeFileSync(path, source);
      // What was seen of it is forgotten before the next run, which changes another file.
      if (this.#runner !== undefined) await this.#ask({ changed: mutation.file, tests: [] });
      this.#changed = undefined;
    }
  }

  /** Runs tests. Only a test that failed tells something: sources that do not load at all are an error of the list. */
  async run({ tests, only }) {
    const started = performance.now();
    const seen = await this.#ask({ changed: this.#changed, tests, only });
    return {
      outcome: seen === 'hung' ? seen : outcomeOf(seen),
      seen,
      seconds: (performance.now() - started) / 1000,
    };
  }

  async #ask(message) {
    this.#runner ??= await start(this.#directory);
    const runner = this.#runner;
    return new Promise((resolve) => {
      const end = (answer) => {
        clearTimeout(timer);
        runner.off('message', end);
        runner.off('exit', died);
        resolve(answer);
      };
      const died = () => {
        this.#runner = undefined;
        end({ modules: [], errors: ['the tests ended without a result'] });
      };
      const timer = setTimeout(() => {
        this.#runner = undefined;
        kill(runner);
        end('hung');
      }, hangs);
      runner.on('message', end);
      runner.on('exit', died);
      runner.send(message);
    });
  }
}

const none = { modules: [], errors: [] };

function outcomeOf({ modules, errors }) {
  const states = modules.flatMap(({ tests }) => tests.map(({ state }) => state));
  if (states.includes('failed')) return 'failed';
  const faults = [...errors, ...modules.flatMap((module) => module.errors)];
  if (faults.length > 0) return `it does not load: ${faults[0]}`;
  return states.includes('passed') ? 'passed' : 'it has no such test';
}

/** Ends what runs tests. */
export function stopRunners() {
  for (const child of children) kill(child);
}

/** Starts what runs the tests of a copy, in a group of its own with all that it starts. */
function start(directory) {
  const child = fork('scripts/mutate-runner.mjs', {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', () => reject(new Error('the tests cannot be run')));
  });
}

function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
