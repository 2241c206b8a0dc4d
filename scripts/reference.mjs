// Writes docs/reference.md from the program: its help, its exit statuses, its error codes. `--check` only compares.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCodes, errorKinds } from '../dist/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = `${root}/docs/reference.md`;
const helps = new Map();
const help = (...args) => {
  const words = args.join(' ');
  if (!helps.has(words))
    helps.set(
      words,
      execFileSync(process.execPath, [`${root}/dist/cli/main.cjs`, ...args, '--help'], {
        encoding: 'utf8',
      }).trim(),
    );
  return helps.get(words);
};

const meaning = {
  usage: 'the command line or an argument is wrong',
  data: 'what was received or stored is not what it must be; trying again does not help',
  notFound: 'the thing asked for does not exist',
  unavailable: 'a registry or the network did not answer as needed; trying again later may help',
  trust: 'something is not signed or proven as it has to be, or contradicts what was proven before',
  internal: 'a fault of Engineshed',
  io: 'the disk or file system refused',
  permission: 'a registry or the operating system refused access',
  config: 'a configuration file, or the version of the store, does not fit',
};

const commandsIn = (...path) => {
  const text = help(...path);
  const list = path.length === 0 ? text : (text.split(/^COMMANDS$/m)[1] ?? '');
  return [...list.matchAll(/^ {2}([a-z][a-z-]*) {2,}/gm)].map(([, command]) => [...path, command]);
};
const commands = commandsIn().flatMap((path) => [path, ...commandsIn(...path)]);
const lines = [
  '# Reference',
  '',
  'Written from the program by `node scripts/reference.mjs`. See also [configuration](configuration.md) and [JSON documents](json.md).',
  '',
  '## Commands',
  '',
  '```text',
  help(),
  '```',
  '',
  ...commands.flatMap((path) => [`### ${path.join(' ')}`, '', '```text', help(...path), '```', '']),
  '## Exit statuses',
  '',
  '`exec` ends with the status of its command, 128 and the number of the signal where a signal ended it. All else:',
  '',
  '| status | kind | meaning |',
  '|---|---|---|',
  '| 0 | | done |',
  ...Object.entries(errorKinds).map(([kind, status]) => `| ${status} | \`${kind}\` | ${meaning[kind]} |`),
  '',
  '## Error codes',
  '',
  '| code | kind |',
  '|---|---|',
  ...Object.entries(errorCodes).map(([code, kind]) => `| \`${code}\` | \`${kind}\` |`),
  '',
];
const text = lines.map((line) => line.replace(/[ \t]+$/gm, '')).join('\n');
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/reference.md is not what the program says: run node scripts/reference.mjs');
  process.exit(1);
}
