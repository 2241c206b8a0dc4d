import { mkdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineshedError } from '../../src/errors/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { mutated } from '../support/mutated.js';
import { type FuzzedParser, parsers } from '../support/parsers/index.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Four times as much input takes four times as long, and sixteen times where the time grows with the square. */
const tooFast = 9;

/** Runs a parser; what it throws must be one of its codes. Returns whether it took the input. */
async function parses(parser: FuzzedParser, input: string, scratch: string): Promise<boolean> {
  try {
    await parser.run(input, scratch);
    return true;
  } catch (error) {
    if (!(error instanceof EngineshedError)) throw error;
    expect(parser.codes).toContain(error.code);
    if (parser.secret !== undefined) expect(error.message).not.toContain(parser.secret);
    return false;
  } finally {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  }
}

function scratchFile(): string {
  const scratch = `${temporaryDirectory()}/input`;
  mkdirSync(`${scratch}-history`);
  return scratch;
}

/** The least time of the processor in some runs, in milliseconds. */
async function timeOf(parser: FuzzedParser, input: string, scratch: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const start = process.cpuUsage();
    await parses(parser, input, scratch);
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** How many times as long four times as much takes; 1 where it is done at once. What a busy machine makes slow once is tried again. */
async function growthOf(
  parser: FuzzedParser,
  input: (length: number) => string,
  scratch: string,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let comparison = 0; comparison < 3 && least >= tooFast; comparison++) {
    const large = await timeOf(parser, input(65_536), scratch);
    if (large < 60) return 1;
    least = Math.min(least, large / (await timeOf(parser, input(16_384), scratch)));
  }
  return least;
}

describe.each(parsers.map((parser) => [parser.name, parser] as const))('%s', (_, parser) => {
  it(
    'are parsed, or refused with a code that says so',
    async () => {
      const scratch = scratchFile();
      for (const sample of parser.samples) expect(await parses(parser, sample, scratch)).toBe(true);
      await fc.assert(
        fc.asyncProperty(mutated(parser.samples, parser.words), async (input) => {
          await parses(parser, input, scratch);
        }),
        fuzzing(300),
      );
    },
    fuzzTimeout,
  );

  it(
    'take no time that grows faster than their length',
    async () => {
      const scratch = scratchFile();
      const units = [
        ...new Set([
          ' ',
          'a',
          '0',
          '.',
          '-',
          '/',
          '"',
          '\\',
          '<',
          '[',
          '{',
          '=',
          ':',
          'a:',
          'a, ',
          'a=',
          'A-',
          '<>;',
          ...(parser.words ?? []),
        ]),
      ];
      for (const unit of units.filter((word) => word !== '')) {
        for (const sample of ['', parser.samples[0] as string]) {
          const middle = Math.floor(sample.length / 2);
          for (const end of ['', '\u0001']) {
            const input = (length: number) =>
              sample.slice(0, middle) +
              unit.repeat(Math.ceil(length / unit.length)) +
              end +
              sample.slice(middle);
            expect(
              await growthOf(parser, input, scratch),
              JSON.stringify({ unit, end, sample: sample.slice(0, 20) }),
            ).toBeLessThan(tooFast);
          }
        }
      }
    },
    fuzzTimeout,
  );
});
