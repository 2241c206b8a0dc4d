// Builds dist/: the library as ES modules with types, and the command line as CommonJS files, which start faster.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version, engines } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const output = `${root}/dist/cli`;

/**
 * The commands that scripts and prompts run again and again. Compiling a file costs by its size, so these have one without the
 * code of all others (`npm run check` holds that they need none of it).
 */
const fastCommands = ['current', 'env', 'exec', 'list', 'which'];

rmSync(`${root}/dist`, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', `${root}/tsconfig.build.json`], { stdio: 'inherit' });
for (const shim of ['shim.sh', 'shim.cmd'])
  copyFileSync(`${root}/src/store/${shim}`, `${root}/dist/store/${shim}`);
cpSync(`${root}/src/site/browser`, `${root}/dist/site/browser`, {
  recursive: true,
  filter: (path) => !path.endsWith('.json'),
});
await bundle('full.cjs', []);
refuseHeavy(await bundle('fast.cjs', [leaveOutOtherCommands(), startOverInFull()]));
const [, major, minor] = /^>=(\d+)\.(\d+)/.exec(engines.node);
writeFileSync(
  `${output}/main.cjs`,
  [
    '#!/usr/bin/env node',
    // An older Node runs some of it, and takes other things for missing.
    "const [major, minor] = process.versions.node.split('.').map(Number);",
    `if (major < ${major} || (major === ${major} && minor < ${minor})) {`,
    `  const needed = 'Engineshed needs Node ${major}.${minor} or later';`,
    "  process.stderr.write('engineshed: This is Node ' + process.versions.node + ', and ' + needed + '\\n  Get one from https://nodejs.org\\n');",
    '  process.exit(78);',
    '}',
    `const fast = new Set(${JSON.stringify([...fastCommands, '--help', '--version'])});`,
    "require(fast.has(process.argv[2]) ? './fast.cjs' : './full.cjs');",
    '',
  ].join('\n'),
);
chmodSync(`${output}/main.cjs`, 0o755);

function bundle(file, plugins) {
  return build({
    entryPoints: [`${root}/src/cli/main.ts`],
    outfile: `${output}/${file}`,
    bundle: true,
    minifySyntax: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    legalComments: 'none',
    define: { ENGINESHED_VERSION: JSON.stringify(version), 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    metafile: true,
    plugins,
  });
}

/** What once crept into the fast file by an import that nobody waits for, and made every start slower. */
function refuseHeavy({ metafile }) {
  const heavy = Object.keys(metafile.inputs).filter((path) =>
    /src\/(registry|content|tar|layer|catalog|trust|release)\/|node_modules\/(?!@stricli\/)/.test(path),
  );
  if (heavy.length > 0) throw new Error(`fast.cjs is to be small, and has ${heavy.join(', ')}`);
}

/** What the launcher never asks this file for is not in it: other commands, and the one that proposes words to a shell. */
function leaveOutOtherCommands() {
  const kept = new Set(fastCommands.map((command) => `../run/${command}.js`));
  return {
    name: 'leave-out-other-commands',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\.\/run\/|^\.\/completion\/propose\.js$/ }, ({ path }) =>
        kept.has(path) ? undefined : { path, external: true },
      ),
  };
}

/** For what it seldom needs, and this file has not, a fast command starts over as the whole program, before it has done anything. */
function startOverInFull() {
  return {
    name: 'start-over-in-full',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^\.\/first-use\.js$/ }, ({ path }) => ({ path, namespace: 'start-over' }));
      onResolve({ filter: /^\.\/full\.cjs$/ }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /.*/, namespace: 'start-over' }, () => ({
        contents: `
          // Nothing is to hear of this run any more.
          process.removeAllListeners('beforeExit');
          for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
          require('./full.cjs');
          const never = () => new Promise(() => {});
          module.exports = { mayInstall: never, installMissing: never, catalogCandidate: never };
        `,
      }));
    },
  };
}
