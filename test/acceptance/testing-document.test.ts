import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import * as testing from '../../src/testing/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(`${root}/docs/testing.md`, 'utf8');
const examples = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);

it('the examples of docs/testing.md run, in the package as its users have it', async () => {
  const [example = '', script = ''] = examples;
  const directory = temporaryDirectory();
  mkdirSync(`${directory}/node_modules`);
  symlinkSync(root, `${directory}/node_modules/engineshed`);
  writeFileSync(`${directory}/example.test.mjs`, example);
  const more = [
    "import assert from 'node:assert/strict';",
    "import { ScriptedRegistry } from 'engineshed/testing';",
    'const registry = await ScriptedRegistry.start();',
    "registry.contents.repository('acme/engine');",
    script,
    "const answer = await fetch(registry.url + '/v2/acme/engine/tags/list');",
    "assert.equal(answer.headers.get('x-served-by'), 'a cache');",
    "assert.deepEqual(await answer.json(), { name: 'acme/engine', tags: [] });",
    'await registry.close();',
  ];
  writeFileSync(`${directory}/script.test.mjs`, more.join('\n'));
  const { NODE_OPTIONS: _options, ...environment } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--test', '--test-reporter=tap', 'example.test.mjs', 'script.test.mjs'],
    { cwd: directory, env: environment },
  );
  expect(stdout).toContain('# pass 2');
  expect(stdout).toContain('ok 1 - a download goes on after the connection was lost');
});

it('docs/testing.md names every function of the package', () => {
  const functions = Object.entries(testing).filter(([, value]) => typeof value === 'function');
  const notInTable = ['Contents', 'ScriptedRegistry', 'refuse', 'send', 'sha256'];
  for (const [name] of functions)
    if (!notInTable.includes(name)) expect(text).toMatch(new RegExp(`\`${name}\\(`));
});
