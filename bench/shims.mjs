// What a call through a shim costs: ours, and those of the peers that are on the PATH. The command ends at once.
//   npm run bench -- shims
// Peers that Debian has not: npm install @jdxcode/mise; pyenv and rustup come from their own sites.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { median } from './measure.mjs';

/** How many calls are timed at once. */
const calls = 100;

/**
 * Times a direct call, a link, our shim and those of the peers, in turn.
 * @param room an empty directory
 * @param engineshed how the program is called, in words
 * @returns rows of what, milliseconds more than the direct call, and the ratio to it
 */
export function benchShims(room, engineshed, rounds) {
  mkdirSync(room, { recursive: true });
  const tools = `${room}/tools`;
  mkdirSync(tools);
  writeFileSync(`${tools}/tool`, '#!/bin/sh\n');
  chmodSync(`${tools}/tool`, 0o755);
  symlinkSync(`${tools}/tool`, `${room}/link`);
  const cases = [
    { what: 'a symbolic link', file: `${room}/link` },
    ...ours(room, engineshed, tools),
    ...Object.entries(peers).flatMap(([name, prepare]) => peer(name, prepare, room, tools)),
  ];
  const direct = { what: 'the command itself', file: `${tools}/tool` };
  const times = new Map(cases.map((each) => [each, []]));
  for (let round = -1; round < rounds; round++) {
    for (const each of cases) {
      const plain = time(direct);
      const through = time(each);
      if (round >= 0) times.get(each).push({ more: through - plain, ratio: through / plain });
    }
  }
  return cases.map((each) => {
    const all = times.get(each);
    return [each.what, median(all.map(({ more }) => more)), median(all.map(({ ratio }) => ratio))];
  });
}

function ours(room, engineshed, tools) {
  writeFileSync(
    `${room}/engineshed.toml`,
    [
      '[engines.bench]',
      `sources.tools = { directory = ${JSON.stringify(tools)} }`,
      'commands.tool = { part = "tools", path = "tool" }',
      '',
    ].join('\n'),
  );
  const environment = { ...process.env, ENGINESHED_HOME: `${room}/store`, CI: '1' };
  const [program, ...words] = engineshed;
  const output = execFileSync(program, [...words, 'install', 'bench', '--json'], {
    cwd: room,
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { id } = JSON.parse(output);
  mkdirSync(`${room}/project/src`, { recursive: true });
  writeFileSync(`${room}/project/engineshed.toml`, 'engine = "bench"\n');
  writeFileSync(
    `${room}/project/engineshed.lock`,
    `{\n  "version": 1,\n  "engine": "bench",\n  "id": "${id}",\n  "sources": {}\n}\n`,
  );
  const shim = { file: `${room}/store/shims/tool`, environment: { ENGINESHED_HOME: `${room}/store` } };
  return [
    { ...shim, what: 'a shim of Engineshed, chosen with "use"' },
    { ...shim, what: 'a shim of Engineshed, in a project with a lock', directory: `${room}/project/src` },
  ];
}

/** How each peer is made to have a version `1.0.0` with the command, and its shim. */
const peers = {
  rustup(home, tools) {
    const environment = {
      RUSTUP_HOME: `${home}/rustup`,
      CARGO_HOME: `${home}/cargo`,
      RUSTUP_AUTO_INSTALL: '0',
    };
    for (const part of ['bin', 'lib']) mkdirSync(`${home}/toolchain/${part}`, { recursive: true });
    symlinkSync(`${tools}/tool`, `${home}/toolchain/bin/rustc`);
    run('rustup', ['toolchain', 'link', 'bench', `${home}/toolchain`], environment);
    run('rustup', ['default', 'bench'], environment);
    // Whatever name it is called by, it is one program.
    symlinkSync(found('rustup'), `${home}/rustc`);
    return { file: `${home}/rustc`, environment };
  },
  pyenv: (home, tools) => versions('pyenv', 'PYENV', home, tools),
  rbenv: (home, tools) => versions('rbenv', 'RBENV', home, tools),
  mise(home, tools) {
    const environment = {
      HOME: home,
      MISE_DATA_DIR: `${home}/data`,
      MISE_CONFIG_DIR: `${home}/config`,
      MISE_CACHE_DIR: `${home}/cache`,
      MISE_STATE_DIR: `${home}/state`,
      MISE_OFFLINE: '1',
    };
    mkdirSync(`${home}/data/installs/node/1.0.0/bin`, { recursive: true });
    symlinkSync(`${tools}/tool`, `${home}/data/installs/node/1.0.0/bin/node`);
    mkdirSync(`${home}/config`, { recursive: true });
    writeFileSync(`${home}/config/config.toml`, '[tools]\nnode = "1.0.0"\n');
    run('mise', ['reshim'], environment);
    return { file: `${home}/data/shims/node`, environment };
  },
};

function versions(program, prefix, home, tools) {
  const environment = { [`${prefix}_ROOT`]: home, [`${prefix}_VERSION`]: '1.0.0' };
  mkdirSync(`${home}/versions/1.0.0/bin`, { recursive: true });
  symlinkSync(`${tools}/tool`, `${home}/versions/1.0.0/bin/tool`);
  run(program, ['rehash'], environment);
  return { file: `${home}/shims/tool`, environment };
}

function peer(name, prepare, room, tools) {
  const home = `${room}/${name}`;
  if (found(name) === undefined) {
    console.log(`shims: there is no ${name} on the PATH`);
    return [];
  }
  mkdirSync(home);
  const made = prepare(home, tools);
  if (!existsSync(made.file)) throw new Error(`${name} made no shim`);
  return [{ ...made, what: `a shim of ${name}` }];
}

function found(program) {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

function run(file, args, environment) {
  execFileSync(file, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Milliseconds of one call. A shell makes them, which starts programs faster than Node does. */
function time({ file, environment = {}, directory = '/' }) {
  const loop = 'i=0; while [ $i -lt "$2" ]; do "$1" || exit; i=$((i + 1)); done';
  const started = process.hrtime.bigint();
  execFileSync('sh', ['-c', loop, 'bench', file, String(calls)], {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return Number(process.hrtime.bigint() - started) / 1e6 / calls;
}
