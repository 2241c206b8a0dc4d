// A train, from commit to user: see README.md. Nothing outside of a new directory is touched, and no network is asked, unless
// a registry is named: node examples/hamlet-train/run.mjs [--registry HOST[:PORT]]
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { say, setUp } from '../../scripts/setup.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { registry } = parseArgs({ options: { registry: { type: 'string' } } }).values;

setUp();

const seen = new Set();
const work = prepare();
const components = readdirSync(`${work}/components`);
const image = (name) => (registry === undefined ? `oci:images/${name}` : `${registry}/hamlet-io/${name}`);
const releases = image('hamlet-engine-base').replace('oci:', 'oci:../');
say(`five components, the product that is made of them and a user of it, in ${work}`);

chapter('One key says what is hamlet\'s; its public half goes to everybody');
manager('engineshed trust generate-key-pair hamlet');
user('cp ../product/hamlet.pub .');

chapter('Every commit of a component is published, by its own pipeline');
for (const component of components) publish(component);

chapter('Every night the components are composed to a tram, as they are, and tested');
night('20260301');

chapter('A tram that is good enough becomes a train, by its digest: nothing is built anew');
manager('engineshed release promote tram train --version 9.0.0 --key hamlet.key');
manager('engineshed release history train');

chapter('A user takes the train, and trusts nothing but its key');
user('engineshed install');
user('engineshed exec -- ./deploy.sh');

chapter('A commit that does not fit the others breaks a night: its tests refuse it, and the tram stays where it is');
commit('engine-plugin-azure', '2-azure-location');
const broken = build();
refused('product', `engineshed release test ${broken} --key hamlet.key`);
refused('product', `engineshed release promote ${broken} tram --version 20260302 --key hamlet.key`);
manager('engineshed release history tram');

chapter('The other half of that change comes the next day, and three nights are good');
commit('executor-bash', '3-executor-location');
night('20260303');
commit('engine', '4-engine-name');
night('20260304');
commit('engine-plugin-aws', '5-aws-versions');
night('20260305');

chapter('The next train, and what is in it');
manager('engineshed release promote tram train --version 9.1.0 --key hamlet.key');
manager('engineshed release notes 9.0.0 9.1.0');

chapter('The user updates, and what worked works no more: no test knew of that');
user('engineshed update');
refused('user', 'engineshed exec -- ./deploy.sh');

chapter('The train goes back, in one step; so does the user, by the next update');
manager('engineshed release rollback train --key hamlet.key');
user('engineshed update');
user('engineshed exec -- ./deploy.sh');

chapter('Which night was it? The user has a script that tells');
manager('engineshed release bisect schedule-20260301 schedule-20260305 -- ../user/deploy.sh');

chapter('The script becomes a test; the release that was there fails it, and what is fixed passes');
addTest();
manager('cp ../user/deploy.sh tests/');
refused('product', 'engineshed release test 9.1.0 --key hamlet.key');
commit('engine', '6-engine-unit');
night('20260306');
manager('engineshed release promote tram train --version 9.1.1 --key hamlet.key');
user('engineshed update');
user('engineshed exec -- ./deploy.sh');

chapter('Somebody else may push, too: nobody who trusts the key takes that for the train');
commit('engine', '7-engine-evil');
manager('engineshed release build --tag latest');
refused('user', 'engineshed update');
user('engineshed exec -- ./deploy.sh');
manager('engineshed release promote 9.1.1 train --version 9.1.1 --key hamlet.key');
user('engineshed update');

chapter('What is in the train, for people and for scanners');
manager('engineshed release notes 9.0.0 9.1.1');
manager('engineshed release history train');
manager('engineshed release sbom train > train.spdx.json');
manager('engineshed release site ../pages');
manager(`engineshed referrers ${releases}:9.1.1`);

say(`done; everything is in ${work}, and is removed with: chmod -R u+w ${work} && rm -r ${work}`);

/** Builds and signs. From here on by its digest: a tag could be moved by anybody who may push, and the key would sign what they put there. */
function build() {
  manager('engineshed release build --json > built.json');
  const { digest } = JSON.parse(readFileSync(`${work}/product/built.json`, 'utf8'));
  manager(`engineshed trust sign ${releases}@${digest} --key hamlet.key`);
  return digest;
}

/** What a pipeline does when the day is over. */
function night(date) {
  const digest = build();
  manager(`engineshed release test ${digest} --key hamlet.key`);
  manager(`engineshed release promote ${digest} tram --version ${date} --key hamlet.key`);
}

/** Somebody commits to a component, and its pipeline publishes it. */
function commit(component, change) {
  run(`components/${component}`, `git am --quiet --committer-date-is-author-date ${here}changes/${change}.patch`);
  run(`components/${component}`, 'git log --oneline -1');
  publish(component);
}

function publish(component) {
  run('.', `engineshed publish components/${component} ${image(component)} --git-tags`);
}

function manager(command) {
  run('product', command);
}

function user(command) {
  run('user', command);
}

/** Runs what must succeed, and shows what it said; of what is done again and again, the first time. */
function run(directory, command) {
  const { status, stdout, stderr } = shell(directory, command);
  const often = /engineshed (publish|release build|trust sign)/.exec(command)?.[0];
  if (often === undefined || !seen.has(often)) show(stdout);
  if (often !== undefined) seen.add(often);
  if (status === 0) return;
  console.error(stderr);
  process.exit(1);
}

/** Runs what must be refused, and shows why it is. */
function refused(directory, command) {
  const { status, stdout, stderr } = shell(directory, command);
  show(stdout);
  show(stderr.replace(/^(?!engineshed:|deploy:| ).*\n/gm, ''));
  console.log(`  (it ended with ${status})`);
  if (status === 0) process.exit(1);
}

function shell(directory, command) {
  console.log(`${directory === '.' ? '' : directory}$ ${command.replace(here, '')}`);
  return spawnSync('sh', ['-c', command], {
    cwd: join(work, directory),
    encoding: 'utf8',
    env: {
      PATH: `${work}/bin:${process.env.PATH}`,
      HOME: work,
      // The user is somebody else, elsewhere.
      ENGINESHED_HOME: `${work}/stores/${directory === 'user' ? 'user' : 'hamlet'}`,
      ENGINESHED_SIGNING_PASSWORD: 'of a secret of the pipeline',
      GIT_AUTHOR_NAME: 'Hamlet',
      GIT_AUTHOR_EMAIL: 'hamlet@example.com',
      GIT_COMMITTER_NAME: 'Hamlet',
      GIT_COMMITTER_EMAIL: 'hamlet@example.com',
    },
  });
}

function show(text) {
  for (const line of text.trimEnd().split('\n')) if (line !== '') console.log(`  ${line}`);
}

function chapter(text) {
  console.log(`\n# ${text}`);
}

/** The directory of the story: repositories with a first commit each, a project, a user, and `engineshed` on the PATH. */
function prepare() {
  const work = mkdtempSync(join(tmpdir(), 'hamlet-train-'));
  for (const name of ['components', 'product', 'user']) cpSync(`${here}${name}`, `${work}/${name}`, { recursive: true, verbatimSymlinks: true });
  const date = '2026-03-01T09:00:00Z';
  const env = { ...process.env, HOME: work, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  for (const name of readdirSync(`${work}/components`)) {
    const git = (...args) =>
      spawnSync('git', ['-c', 'user.name=Hamlet', '-c', 'user.email=hamlet@example.com', ...args], { cwd: `${work}/components/${name}`, env });
    git('init', '--quiet', '--initial-branch=main');
    git('remote', 'add', 'origin', `https://github.com/hamlet-io/${name}`);
    git('add', '.');
    git('commit', '--quiet', '--message', 'First version');
  }
  for (const name of ['product', 'user']) {
    const file = `${work}/${name}/engineshed.toml`;
    const text = readFileSync(file, 'utf8').replace(/^#:schema.*\n/, '');
    const elsewhere = registry && text.replaceAll('layout = "../images/', `image = "${registry}/hamlet-io/`);
    writeFileSync(file, elsewhere ?? text);
  }
  mkdirSync(`${work}/bin`);
  const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
  writeFileSync(`${work}/bin/engineshed`, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(`${work}/bin/engineshed`, 0o755);
  return work;
}

function addTest() {
  const file = `${work}/product/engineshed.toml`;
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n[[release.test]]\nname = "what a user deploys"\ncommand = ["tests/deploy.sh"]\n`);
}
