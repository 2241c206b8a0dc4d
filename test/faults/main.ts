import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { storm } from './storm.js';
import {
  changeNames,
  type Disturbance,
  openStand,
  presentSeed,
  type Walk,
  type Walked,
  walk,
} from './walk.js';

const help = `npm run faults -- MODE [options]

  kills             kill every command at each of its calls that change the file system
  errors            let each of its calls fail, reading ones too
  random            kill commands at random times, 1000 times
  trace             compare the calls that these strike with those that the system sees, with strace
  storm             32 processes that do anything at once, some of which are killed
  (none)            all of these

  --only NAME       one command, as the table names it
  --points N        at most so many calls of each command; so many kills at random times in all
  --seed N          which calls, errors and times; the same number gives the same ones
  --parallel N      so many at the same time; 2, and 32 in a storm
  --minutes N       how long it storms; 10
`;

/** So many faults of each command are told. */
const shown = 20;

const titles: Readonly<Record<Disturbance, readonly [what: string, struck: string]>> = {
  kills: ['killed at a call', 'kills'],
  errors: ['a call fails', 'errors'],
  random: ['killed at random times', 'kills'],
  trace: ['watched', 'system calls'],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    only: { type: 'string' },
    points: { type: 'string' },
    seed: { type: 'string' },
    parallel: { type: 'string' },
    minutes: { type: 'string', default: '10' },
  },
});
if (values.help) console.log(help);
else process.exitCode = await main();

async function main(): Promise<number> {
  const seed = presentSeed({
    ...process.env,
    ...(values.seed === undefined ? {} : { FAULTS_SEED: values.seed }),
  });
  console.log(`seed ${seed}\n`);
  const modes = positionals.length === 0 ? ['trace', 'kills', 'errors', 'random', 'storm'] : positionals;
  let failures = 0;
  for (const mode of modes)
    failures += mode === 'storm' ? await weather(seed) : await table(mode as Disturbance, seed);
  return failures === 0 ? 0 : 1;
}

async function weather(seed: number): Promise<number> {
  const directory = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-storm-`));
  const processes = Number(values.parallel ?? 32);
  const result = await storm({ directory, milliseconds: Number(values.minutes) * 60_000, processes, seed });
  const { commands, kills, looks, counts, faults } = result;
  console.log(
    `| ${processes} processes at once | commands | kills | looks | failures |\n|---|---|---|---|---|`,
  );
  console.log(
    `| ${[...counts.keys()].sort().join(', ')} | ${commands} | ${kills} | ${looks} | ${faults.length} |\n`,
  );
  for (const fault of faults.slice(0, shown)) console.error(`  ${fault}`);
  if (faults.length === 0) rmSync(directory, { recursive: true, force: true });
  else console.error(`  what is left: ${directory}`);
  return faults.length;
}

async function table(how: Disturbance, seed: number): Promise<number> {
  const names = values.only === undefined ? changeNames : [values.only];
  const asked = values.points === undefined ? undefined : Number(values.points);
  const points = how === 'random' ? Math.ceil((asked ?? 1000) / names.length) : asked;
  const [title, verb] = titles[how];
  console.log(`| ${title} | calls | ${verb} | failures |\n|---|---|---|---|`);
  const waiting = [...names];
  const all: Walked[] = [];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const walked = await walkThrough(name, { how, points }, seed);
      all.push(walked);
      const failed = new Set(walked.faults.map((fault) => fault.split(' ')[0])).size;
      console.log(`| ${name} | ${walked.calls} | ${walked.struck} | ${failed} |`);
      for (const fault of walked.faults.slice(0, shown)) console.error(`  ${name}: ${fault}`);
      if (walked.faults.length > shown) console.error(`  ... ${walked.faults.length} in all`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.parallel ?? 2) }, worker));
  const total = (of: (walked: Walked) => number) => all.reduce((sum, walked) => sum + of(walked), 0);
  const failures = total(({ faults }) => faults.length);
  console.log(
    `| **all ${all.length}** | ${total(({ calls }) => calls)} | ${total(({ struck }) => struck)} | ${failures} |\n`,
  );
  return failures;
}

async function walkThrough(name: string, how: Walk, seed: number): Promise<Walked> {
  const stand = await openStand(name);
  try {
    return await walk(stand, how, seed);
  } finally {
    await stand.close();
  }
}
