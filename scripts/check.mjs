// Everything that can be checked without running the program. Each step must have looked at something.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readMutations, staleness } from './mutations.mjs';
import { run, say, setUp } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const tool = (name) => `${root}/node_modules/.bin/${name}`;

setUp();
say('types');
run(tool('tsc'), ['-p', '.']);
run(tool('tsc'), ['-p', 'src/site/browser']);
say('format and lint');
run(tool('biome'), ['ci', '.']);
say('what may import what');
checkImports();
say('defences that can be taken out, for npm run mutate');
checkMutations();
say('the bootstrap script as its pieces make it');
run(process.execPath, [`${root}/scripts/bootstrap.mjs`, '--check']);
say('unused code and dependencies');
run(tool('knip'), []);
say('the package as its users see it');
run(tool('publint'), ['--strict']);
run(tool('attw'), ['--pack', '.', '--profile', 'esm-only']);

function checkImports() {
  const output = execFileSync(
    tool('depcruise'),
    ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', '--no-cache'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const { summary, modules } = JSON.parse(output);
  const edges = modules
    .filter(({ source }) => source.startsWith('src/'))
    .flatMap(({ dependencies }) => dependencies);
  if (modules.length < 30 || edges.length < 60) {
    throw new Error(
      `only ${modules.length} modules and ${edges.length} imports were seen: the check is blind`,
    );
  }
  for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
  if (summary.violations.length > 0) process.exit(1);
  console.log(`${modules.length} modules, ${edges.length} imports`);
}

function checkMutations() {
  const mutations = readMutations(root);
  const stale = staleness(root, mutations);
  for (const line of stale) console.error(line);
  if (stale.length > 0) {
    console.error('Correct test/mutations for the code as it is now; see docs/reliability.md.');
    process.exit(1);
  }
  console.log(`${mutations.length} defences`);
}
