// The README's first command: the main job on a small product, with real commands, in a directory of its own.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { say, setUp } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

setUp();

const work = mkdtempSync(join(tmpdir(), 'engineshed-quickstart-'));
const environment = { ...process.env, ENGINESHED_HOME: join(work, 'store') };
for (const name of ['ENGINESHED_ENGINE', 'HAMLET_ENGINE', 'SOURCE_DATE_EPOCH']) delete environment[name];
cpSync(join(root, 'examples/hello'), work, { recursive: true });
const components = ['executor-bash', 'engine', 'engine-plugin-emphasis'];

say(`three components in ${work}: a bash executor, a template, a plugin`);
step('Publish each as an image, to image layouts here; a registry works the same.');
for (const name of components) engineshed('publish', `components/${name}`, `oci:images/${name}:1.0.0`);

step('Install the engine that is made of them. The first one becomes the active one.');
engineshed('install', 'hello-1.0.0');
greet();

step(
  'A new version: another template. What did not change has the same digest, and is neither stored nor fetched again.',
);
const template = 'components/engine/templates/greeting.txt';
writeFileSync(join(work, template), readFileSync(join(work, 'changes/engine/templates/greeting.txt')));
for (const name of components) engineshed('publish', `components/${name}`, `oci:images/${name}:2.0.0`);
engineshed('install', 'hello-2.0.0');

step('Switch, in one atomic step, and run the same executor again.');
engineshed('use', 'hello-2.0.0');
greet();
engineshed('list');

step('Or run any installed version without switching.');
engineshed('exec', 'hello-1.0.0', '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada');

step(
  'The engine declares a command: its shim, for the PATH, runs it for the selected engine, or for another one.',
);
shell('PATH="$ENGINESHED_HOME/shims:$PATH"; hello Ada; hello +hello-1.0.0 Ada');
say(`done; everything is in ${work}, and is removed with: chmod -R u+w ${work} && rm -r ${work}`);

function greet() {
  shell('. store/current/env && "$HELLO_EXECUTOR" Ada');
}

function engineshed(...args) {
  console.log(`$ engineshed ${args.map((arg) => (/[\s"$]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
  finish(
    spawnSync(
      process.execPath,
      [join(root, 'dist/cli/main.cjs'), ...args],
      options(['ignore', 'pipe', 'pipe']),
    ),
  );
}

function shell(command) {
  console.log(`$ ${command}`);
  finish(spawnSync('sh', ['-c', command], options(['ignore', 'pipe', 'pipe'])));
}

function options(stdio) {
  return { cwd: work, env: environment, stdio, encoding: 'utf8' };
}

/** Shows what a command said; its failure ends the quickstart. */
function finish({ status, stdout, stderr, error }) {
  for (const line of (stdout ?? '').trimEnd().split('\n')) console.log(`  ${line}`);
  if (status === 0) return;
  console.error(error ?? stderr);
  process.exit(1);
}

function step(text) {
  console.log(`\n# ${text}`);
}
