import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatJunit, runTests } from '../../src/release/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const shell = (name: string, text: string, more: { timeoutMs?: number; alone?: boolean } = {}) => ({
  name,
  command: ['sh', '-c', text],
  timeoutMs: 20_000,
  alone: false,
  ...more,
});

const surroundings = (directory = temporaryDirectory(), concurrent = 2) => ({
  environment: { PATH: process.env.PATH, ONLY: 'this' },
  directory,
  concurrent,
  report: () => {},
});

describe('tests of a release', () => {
  it('tell how each ended, and run all', async () => {
    const outcomes = await runTests(
      [
        shell('passes', 'echo "$ONLY"; pwd'),
        shell('fails', 'echo why >&2; exit 3'),
        shell('is killed', 'kill -9 $$'),
        { name: 'is not there', command: ['/no/such/program'], timeoutMs: 1000, alone: false },
        shell('passes too', 'test -z "$HOME"'),
      ],
      surroundings(),
    );
    expect(outcomes.map(({ name, passed, fault }) => [name, passed, fault])).toEqual([
      ['passes', true, undefined],
      ['fails', false, 'it ended with status 3'],
      ['is killed', false, 'it was ended by SIGKILL'],
      ['is not there', false, expect.stringContaining('could not be started')],
      ['passes too', true, undefined],
    ]);
    expect(outcomes[0]?.output).toMatch(/^this\n\//);
    expect(outcomes[1]?.output).toBe('why\n');
  });

  it('end after their time, with all that they started', async () => {
    const directory = temporaryDirectory();
    const script = 'trap "" TERM; sleep 60 & echo $! > child; wait';
    const [outcome] = await runTests(
      [shell('hangs', `trap : TERM; sh -c '${script}'`, { timeoutMs: 500 })],
      surroundings(directory),
    );
    expect(outcome).toMatchObject({ passed: false, fault: 'it took longer than 0.5 s' });
    await expect.poll(() => isRunning(readFileSync(`${directory}/child`, 'utf8').trim())).toBe(false);
  });

  it('leave nothing running, and are not held up by what they left', async () => {
    const directory = temporaryDirectory();
    const [outcome] = await runTests(
      [shell('leaves', 'sleep 60 & echo $! > child')],
      surroundings(directory),
    );
    expect(outcome?.passed).toBe(true);
    await expect.poll(() => isRunning(readFileSync(`${directory}/child`, 'utf8').trim())).toBe(false);
  });

  it('are ended where somebody wants that, and no other begins', async () => {
    const directory = temporaryDirectory();
    const stopping = new AbortController();
    const running = runTests(
      [shell('runs', 'sleep 60 & echo $! > child; wait'), shell('waits', 'touch begun')],
      { ...surroundings(directory, 1), signal: stopping.signal },
    );
    const child = `${directory}/child`;
    await expect.poll(() => existsSync(child) && readFileSync(child, 'utf8')).toMatch(/\n$/);
    stopping.abort();
    expect((await running).map(({ name, passed }) => [name, passed])).toEqual([['runs', false]]);
    expect(existsSync(`${directory}/begun`)).toBe(false);
    await expect.poll(() => isRunning(readFileSync(`${directory}/child`, 'utf8').trim())).toBe(false);
  });

  it('run alone where they have to', async () => {
    const directory = temporaryDirectory();
    const enter = (name: string) => `echo "in ${name}" >> log; sleep 0.2; echo "out ${name}" >> log`;
    await runTests(
      [
        shell('a', enter('a')),
        shell('b', enter('b'), { alone: true }),
        shell('c', enter('c'), { alone: true }),
      ],
      surroundings(directory, 3),
    );
    const log = readFileSync(`${directory}/log`, 'utf8').trim().split('\n');
    expect(log).toEqual(['in a', 'out a', 'in b', 'out b', 'in c', 'out c']);
  });

  it('keep the end of their output only', async () => {
    const text = 'i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i + 1)); done';
    const [outcome] = await runTests([shell('talks', text)], surroundings());
    expect(outcome?.output.length).toBeLessThanOrEqual(65_536);
    expect(outcome?.output.endsWith('line 29999\n')).toBe(true);
  });
});

it('JUnit XML is well-formed, whatever was printed', () => {
  const output = 'a <b> & "c" \u0000\u001b[31m \ud800 \u{1f600}]]>';
  const outcomes = [
    {
      name: 'a "quoted" <name>',
      passed: false,
      status: 1,
      fault: 'it ended with status 1',
      durationMs: 1234,
      output,
    },
  ];
  const xml = formatJunit('suite & more', outcomes);
  const parse =
    'import sys, xml.dom.minidom as d; e = d.parseString(sys.stdin.buffer.read()).getElementsByTagName("testcase")[0]; print(e.getAttribute("name"), e.getAttribute("time"))';
  const read = execFileSync('python3', ['-c', parse], { input: xml, encoding: 'utf8' });
  expect(read).toBe('a "quoted" <name> 1.234\n');
  expect(xml).toContain('tests="1" failures="1"');
});

function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
