import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../acceptance/user.js';
import { peersMissing } from '../support/peers.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';

const example = fileURLToPath(new URL('../../examples/hamlet-train/run.mjs', import.meta.url));

/** Tells the story, and gives its chapters by their titles. */
async function tell(...args: string[]): Promise<Map<string, string>> {
  const TMPDIR = temporaryDirectory();
  const told = await run(process.execPath, [example, ...args], {
    environment: { PATH: process.env.PATH ?? '', HOME: TMPDIR, TMPDIR },
  });
  expect(told.status, `${told.stdout}${told.stderr}`).toBe(0);
  const chapters = told.stdout.split(/^# /m).slice(1);
  return new Map(chapters.map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n'))]));
}

function expectStory(chapters: Map<string, string>): void {
  const chapter = (words: string) => [...chapters].find(([title]) => title.includes(words))?.[1] ?? '';
  expect(chapter('A user takes the train')).toContain('deployed the store');
  const refused = chapter('breaks a night');
  expect(refused).toContain('FAILED  a template for azure');
  expect(refused).toMatch(/recorded at .*, signed with hamlet\.key$/m);
  expect(refused).toMatch(/failed a template for azure.*\n(?:.*\n)*? *\(it ended with 65\)/);
  expect(refused).toMatch(/^ {2}1 .* promote +20260301 /m);
  expect(refused).not.toMatch(/^ {2}\d .* 20260302 /m);
  expect(chapter('The next train')).toMatch(
    /^ {2}\| executor-bash \| .*compare\/[0-9a-f]{40}\.\.\.[0-9a-f]{40}\) \|$/m,
  );
  expect(chapter('works no more')).toContain('deploy: the template does not tell its unit');
  expect(chapter('The train goes back')).toContain('deployed the store');
  const found = chapter('Which night was it');
  expect(found).toContain('schedule-20260304 is the first bad release; schedule-20260303 is good.');
  expect(found.match(/^ {2}engine /gm)).toHaveLength(1);
  expect(chapter('becomes a test')).toMatch(/FAILED {2}what a user deploys(.|\n)*deployed the store/);
  expect(chapter('Somebody else')).toMatch(
    /is not signed by .*hamlet\.pub(.|\n)*ended with 76(.|\n)*deployed the store(.|\n)*train is up to date/,
  );
  const last = chapter('What is in the train');
  expect(last.match(/^ {2}\d .*(promote|rollback) .* hamlet\.pub /gm)?.length).toBe(5);
  expect(last).toMatch(/5 releases, \d+ pages/);
  expect(last).toContain('application/spdx+json');
}

describe('a train, from commit to user', () => {
  it('in image layouts, without a network', async () => {
    expectStory(await tell());
  }, 240_000);

  it.skipIf(peersMissing('docker-registry'))(
    'in a registry',
    async () => {
      const directory = `${temporaryDirectory()}/registry`;
      mkdirSync(directory);
      const registry = await startRealRegistry({ directory });
      onTestFinished(() => registry.close());
      expectStory(await tell('--registry', registry.host));
    },
    240_000,
  );
});
