import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../src/oci/index.js';
import { components } from '../support/product.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { newUser, type User } from './cli.js';

const example = fileURLToPath(new URL('../../examples/hello', import.meta.url));

/** Where the components and the releases are: in a registry, or in image layouts. */
const places = {
  'a registry': async (user: User) => {
    const directory = `${user.home}/registry`;
    mkdirSync(directory);
    const registry = await startRealRegistry({ directory });
    onTestFinished(() => registry.close());
    return {
      component: (name: string) => `${registry.host}/acme/${name}:edge`,
      source: (name: string) => `{ image = "${registry.host}/acme/${name}:edge" }`,
      release: `image = "${registry.host}/acme/base"`,
      base: `${registry.host}/acme/base`,
    };
  },
  'an image layout': async () => ({
    component: (name: string) => `oci:images/${name}:edge`,
    source: (name: string) => `{ layout = "images/${name}:edge" }`,
    release: 'layout = "images/base"',
    base: 'oci:images/base',
  }),
};

async function prepare(kind: keyof typeof places) {
  const user = newUser();
  cpSync(example, user.work, { recursive: true });
  const place = await places[kind](user);
  writeFileSync(
    `${user.work}/engineshed.toml`,
    `
[engines.hello.sources]
${components.map((name) => `${name} = ${place.source(name)}`).join('\n')}

[engines.hello.environment]
HELLO_ENGINE_DIR = { part = "engine" }
HELLO_PLUGIN_DIRS = { parts = ["engine-plugin-emphasis"], separator = ";" }
HELLO_EXECUTOR = { part = "executor-bash", path = "bin/hello.sh" }

[engines.hello.commands]
hello = { part = "executor-bash", path = "bin/hello.sh" }

[release]
engine = "hello"
${place.release}

[release.channels]
tram = { tag = "nightly", versions = "schedule-{date}" }
train = { tag = "latest", versions = "{version}" }

[[release.test]]
name = "greets"
command = ["sh", "-c", '"$HELLO_EXECUTOR" Ada | grep "Ada"']

[[release.test]]
name = "has its commands"
command = ["hello", "Ada"]

[[release.test]]
name = "gets nothing to sign with"
command = ["sh", "-c", 'test -z "$ENGINESHED_SIGNING_KEY$ENGINESHED_SIGNING_PASSWORD"']

[[release.test]]
name = "is not broken"
command = ["sh", "-c", '! test -e "$HELLO_ENGINE_DIR/broken"']
alone = true
`,
  );
  const publish = async (name: string) => {
    await user.output(['publish', `components/${name}`, place.component(name)]);
  };
  for (const name of components) await publish(name);
  const change = async (file: string, text: string) => {
    appendFileSync(`${user.work}/components/engine/${file}`, text);
    await publish('engine');
  };
  const build = async (...flags: string[]) => user.json(['release', 'build', ...flags]);
  const ledTo = async (channel: string) => (await user.json(['release', 'history', channel])).digest;
  return { user, place, change, build, ledTo };
}

describe.each(Object.keys(places) as (keyof typeof places)[])('releases in %s', (kind) => {
  it('are composed, tested, promoted and rolled back', async () => {
    const { user, place, change, build, ledTo } = await prepare(kind);
    const first = await build();
    expect(first.layers.map(({ source }: { source: string }) => source)).toEqual([
      'engine',
      'engine-plugin-emphasis',
      'executor-bash',
      null,
    ]);

    // Nothing is promoted that was not tested.
    const untested = await user.engineshed(['release', 'promote', first.digest, 'tram', '--json']);
    expect([untested.status, JSON.parse(untested.stdout || untested.stderr).error.code]).toEqual([
      65,
      'RELEASE_UNTESTED',
    ]);
    const environment = { ENGINESHED_SIGNING_KEY: 'acme.key', ENGINESHED_SIGNING_PASSWORD: 'secret' };
    const { id } = await user.json(['trust', 'generate-key-pair', 'acme'], { environment });
    for (const step of [['test'], ['promote', 'tram']]) {
      const [command = '', ...channel] = step;
      const early = await user.engineshed(['release', command, first.digest, ...channel], { environment });
      expect([early.status, early.stderr]).toEqual([
        76,
        expect.stringContaining('is not signed by acme.key'),
      ]);
    }
    await user.output(['trust', 'sign', `${place.base}@${first.digest}`], { environment });
    const tested = await user.json(['release', 'test', first.digest, '--junit', 'junit.xml'], {
      environment,
    });
    expect(tested).toMatchObject({ result: 'PASSED', digest: first.digest, key: id, uncounted: [] });
    expect(readFileSync(`${user.work}/junit.xml`, 'utf8')).toContain('tests="4" failures="0"');
    await user.output(['release', 'promote', first.digest, 'tram', '--version', '20260131']);
    const again = await user.json(['release', 'promote', first.digest, 'tram', '--version', '20260131']);
    expect(again).toMatchObject({ changed: false, tags: [] });
    await user.output(['release', 'promote', 'tram', 'train', '--version', '1.0.0']);

    // A broken night.
    await change('broken', 'x');
    const broken = await build();
    const failed = await user.engineshed(['release', 'test', broken.digest]);
    expect([failed.status, failed.stdout]).toEqual([65, expect.stringContaining('FAILED  is not broken')]);
    const refused = await user.engineshed([
      'release',
      'promote',
      broken.digest,
      'tram',
      '--version',
      '20260201',
    ]);
    expect([refused.status, refused.stderr]).toEqual([65, expect.stringContaining('failed is not broken')]);
    expect(await ledTo('tram')).toBe(first.digest);

    // A good one, with what did not change as it was.
    execFileSync('rm', [`${user.work}/components/engine/broken`]);
    await change('README.md', 'More.\n');
    const second = await build('--tag', 'candidate');
    expect(second.layers.slice(1, 3)).toEqual(first.layers.slice(1, 3));
    expect(second.layers[0]).not.toEqual(first.layers[0]);
    await user.output(['release', 'test', 'candidate']);
    const taken = await user.engineshed(['release', 'promote', 'candidate', 'train', '--version', '1.0.0']);
    expect([taken.status, taken.stderr]).toEqual([65, expect.stringContaining('A version never moves')]);
    await user.output(['release', 'promote', 'candidate', 'train', '--version', '1.1.0']);
    expect(await ledTo('train')).toBe(second.digest);

    const notes = await user.output(['release', 'notes', '1.0.0', '1.1.0']);
    expect(notes).toMatch(/^# 1\.1\.0\n\nChanges since 1\.0\.0\.\n/);
    expect(notes).toMatch(/^\| engine \| [0-9a-f]{12} \| [0-9a-f]{12} \| {2}\|$/m);
    expect(notes).toContain('Unchanged: engine-plugin-emphasis, executor-bash.');

    // It was no good after all.
    const planned = await user.json(['release', 'rollback', 'train', '--dry-run']);
    expect(planned).toMatchObject({ dryRun: true, digest: first.digest, version: '1.0.0' });
    expect(await ledTo('train')).toBe(second.digest);
    await user.output(['release', 'rollback', 'train']);
    expect(await ledTo('train')).toBe(first.digest);
    const { steps } = await user.json(['release', 'history', 'train']);
    expect(
      steps.map(({ step, reason, version }: Record<string, unknown>) => [step, reason, version]),
    ).toEqual([
      [3, 'rollback', '1.0.0'],
      [2, 'promote', '1.1.0'],
      [1, 'promote', '1.0.0'],
    ]);
    const further = await user.engineshed(['release', 'rollback', 'train']);
    expect([further.status, further.stderr]).toEqual([66, expect.stringContaining('could go back to')]);
    await user.output(['release', 'rollback', 'train', '--to', '1.1.0']);
    expect(await ledTo('train')).toBe(second.digest);
  });

  it('are the same, built twice, elsewhere, at another time', async () => {
    const { user, build, change } = await prepare(kind);
    const one = await build();
    const elsewhere = { environment: { ENGINESHED_HOME: `${user.home}/other`, TZ: 'Asia/Tokyo' } };
    const two = await user.json(['release', 'build', '--dry-run'], elsewhere);
    expect(two.digest).toBe(one.digest);

    // A lock says which components, wherever their tags are by now.
    const file = `${user.work}/engineshed.toml`;
    writeFileSync(file, `engine = "hello"\n${readFileSync(file, 'utf8')}`);
    await user.output(['lock']);
    await change('README.md', 'More.\n');
    expect((await build('--lock', 'engineshed.lock')).digest).toBe(one.digest);
    expect((await build()).digest).not.toBe(one.digest);

    const squashed = await build('--squash');
    expect(squashed.layers).toHaveLength(1);
    expect((await build('--squash')).digest).toBe(squashed.digest);
  });

  it('have a bill of materials, the same wherever it is asked for', async () => {
    const { user, place, build } = await prepare(kind);
    const planned = await user.json(['release', 'build', '--dry-run']);
    const { digest, sbom } = await build('--tag', 'candidate');
    expect(planned.sbom).toEqual(sbom);
    const reference = `${place.base}@${digest}`;
    const bill = await user.output(['release', 'sbom', 'candidate']);
    expect([digestOf(Buffer.from(bill)), bill.length]).toEqual([sbom.digest, sbom.size]);
    const listed = async (image: string) => {
      const { referrers } = await user.json(['referrers', image, '--type', 'application/spdx+json']);
      return referrers.length;
    };
    expect(await listed(reference)).toBe(1);
    // Built again it is not attached again, and a copy has it, in a registry, a layout or a file.
    expect((await build()).sbom).toEqual(sbom);
    expect(await listed(reference)).toBe(1);
    await user.output(['copy', reference, 'oci:copies/base:copy', '--referrers']);
    await user.output(['install', reference, '--name', 'greeter']);
    await user.output(['export', 'greeter', 'greeter.tar', '--referrers']);
    rmSync(`${user.work}/engineshed.toml`);
    const source = place.base.replace(/^.*[/]/, '');
    for (const copy of ['oci:copies/base:copy', `oci-archive:greeter.tar:greeter-${source}`]) {
      expect(await user.output(['release', 'sbom', copy])).toBe(bill);
      expect(await user.json(['release', 'sbom', copy])).toMatchObject({
        digest,
        sbom,
        packages: 4,
        attached: true,
      });
    }
    const nothing = await user.engineshed(['release', 'sbom', 'candidate']);
    expect([nothing.status, nothing.stderr]).toEqual([78, expect.stringContaining('[release]')]);
  });

  it('install as an engine, and have their lock inside', async () => {
    const { user, place, build } = await prepare(kind);
    for (const flags of [[], ['--squash']]) {
      const { digest } = await build(...flags);
      const reference = `${place.base}@${digest}`;
      const lock = JSON.parse(await user.output(['cat', reference, '.engineshed/engineshed.lock']));
      expect(Object.keys(lock.sources)).toEqual([...components].sort());
      expect(JSON.stringify(lock)).not.toContain(user.work);
      await user.output(['install', reference, '--name', `squash${flags.length}`]);
      const { sources } = await user.json(['show', `squash${flags.length}`]);
      const [{ directory }] = Object.values(sources) as [{ directory: string }];
      const bill = JSON.parse(await user.output(['release', 'sbom', reference]));
      const sums = bill.files.map(
        ({ fileName, checksums }: { fileName: string; checksums: { checksumValue: string }[] }) =>
          `${checksums[1]?.checksumValue}  ${fileName}\n`,
      );
      const checked = execFileSync('sha256sum', ['--check', '--strict'], {
        cwd: directory,
        input: sums.join(''),
        encoding: 'utf8',
      });
      expect(checked.match(/: OK$/gm)).toHaveLength(
        Number(execFileSync('sh', ['-c', 'find . -type f | wc -l'], { cwd: directory })),
      );
      for (const name of components) {
        const diff = ['-r', `${directory}/${name}`, `${user.work}/components/${name}`];
        expect(execFileSync('diff', diff, { encoding: 'utf8' })).toBe('');
      }
    }
  });
});

it('bisects the nights for the first one that fails', async () => {
  const { user, change, build } = await prepare('an image layout');
  for (const night of ['01', '02', '03', '04', '05']) {
    if (night === '04') await change('fault', 'x');
    else await change('README.md', `${night}\n`);
    const { digest } = await build();
    await user.output(['release', 'test', digest]);
    await user.output(['release', 'promote', digest, 'tram', '--version', `202601${night}`]);
  }
  const range = ['schedule-20260101', 'schedule-20260105'];
  const script = 'test ! -e "$HELLO_ENGINE_DIR/fault"';
  const found = JSON.parse(
    await user.output(['release', 'bisect', '--json', ...range, '--', 'sh', '-c', script]),
  );
  expect(found).toMatchObject({ lastGood: 'schedule-20260103', firstBad: 'schedule-20260104', skipped: [] });
  expect(found.looks.length).toBeLessThanOrEqual(2);
  expect(found.changes.map(({ source }: { source: string }) => source)).toEqual(['engine']);
  const neighbours = ['schedule-20260103', 'schedule-20260104'];
  expect(await user.output(['release', 'bisect', ...neighbours, '--', 'false'])).toMatch(
    /^No release lies between schedule-20260103 and schedule-20260104, so that the command was not run\.\n/,
  );
  const wrong = await user.engineshed(['release', 'bisect', ...range.toReversed(), '--', 'true']);
  expect([wrong.status, wrong.stderr]).toEqual([64, expect.stringContaining('is not older than')]);
  const none = await user.engineshed(['release', 'bisect', ...range]);
  expect([none.status, none.stderr]).toEqual([64, expect.stringContaining('No command was given')]);
}, 120_000);

it('says what is missing where nothing is to be released', async () => {
  const user = newUser();
  const none = await user.engineshed(['release', 'build']);
  expect([none.status, none.stderr]).toEqual([78, expect.stringContaining('[release]')]);
});
