import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { makeHamlet } from '../support/hamlet.js';
import { newUser, program, run } from './cli.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The fenced blocks of a document, with what follows their fence. */
function blocks(document: string): { kind: string; text: string }[] {
  const text = readFileSync(`${root}/${document}`, 'utf8');
  return [...text.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(([, kind = '', block = '']) => ({
    kind,
    text: block,
  }));
}

/** A user as the documents assume: hamlet's images are published, `./component` is a checkout, `engineshed` is on the PATH. */
async function reader() {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  makeHamlet(`${user.work}/hamlet`, 'of the documents');
  for (const name of ['engine', 'executor-bash', 'engine-plugin-aws', 'engine-plugin-azure', 'engine-core']) {
    await user.output(['publish', `hamlet/${name}`, `${registry.host}/hamlet-io/${name}:edge`]);
  }
  const tags = ['latest', 'nightly', '9.1.0'].flatMap((tag) => ['--tag', tag]);
  await user.output([
    'publish',
    'hamlet',
    `${registry.host}/hamlet-io/hamlet-engine-base:schedule-20260301`,
    ...tags,
  ]);

  mkdirSync(`${user.work}/component/bin`, { recursive: true });
  writeFileSync(`${user.work}/component/bin/run.sh`, '#!/bin/sh\necho "$@"\n');
  chmodSync(`${user.work}/component/bin/run.sh`, 0o755);
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-C', `${user.work}/component`, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args],
      { stdio: 'ignore' },
    );
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'all');

  writeFileSync(`${user.work}/token.txt`, 'a-token\n');
  // The documents' hosts cannot be reached from a test: what they name is here.
  mkdirSync(`${user.home}/.config/engineshed`, { recursive: true });
  writeFileSync(
    `${user.home}/.config/engineshed/engineshed.toml`,
    `[[registry]]\nprefix = "ghcr.io"\nlocation = "${registry.host}"\n`,
  );
  mkdirSync(`${user.home}/bin`);
  chmodSync(program, 0o755);
  symlinkSync(program, `${user.home}/bin/engineshed`);
  const environment = { ...user.environment, PATH: `${user.home}/bin:${process.env.PATH}` };
  const here = (text: string) => text.replaceAll('localhost:5000', registry.host);
  const shell = (text: string) =>
    run('bash', ['--norc', '-euo', 'pipefail', '-c', text], { directory: user.work, environment });
  return { user, here, shell };
}

describe('every command shown in', () => {
  for (const document of ['README.md', 'docs/guide.md']) {
    it(document, async () => {
      const { here, shell } = await reader();
      let session = '';
      for (const { kind, text } of blocks(document)) {
        // One session: a block may rely on the variables of the one before. The file must be there from its place on.
        if (kind === 'toml' && text.startsWith('# engineshed.toml')) {
          session += `cat > engineshed.toml <<'TOML'\n${here(text)}TOML\n`;
        }
        if (kind === 'sh') session += here(text);
      }
      const result = await shell(session);
      expect([document, result.status, result.stderr]).toEqual([document, 0, result.stderr]);
      expect(session.match(/^ *engineshed /gm)?.length).toBeGreaterThan(5);
    }, 300_000);
  }

  it('docs/on-disk-contract.md', async () => {
    const { user, shell } = await reader();
    await user.output(['install', 'train']);
    const session = blocks('docs/on-disk-contract.md')
      .filter(({ kind }) => kind === 'sh')
      .map(({ text }) => text);
    expect(session.length).toBeGreaterThan(1);
    const result = await shell(session.join(''));
    expect([result.status, result.stderr]).toEqual([0, '']);
    expect(result.stdout).toContain('client');
    expect(result.stdout).toMatch(/^executor-bash \/.*\/executor-bash$/m);
  });

  it('the other documents, which show none', () => {
    for (const document of ['docs/configuration.md', 'docs/json.md', 'docs/glossary.md', 'CHANGELOG.md']) {
      expect(blocks(document).filter(({ kind }) => kind === 'sh')).toEqual([]);
    }
  });
});

describe('the documents', () => {
  it('have the reference that the program gives', () => {
    execFileSync(process.execPath, [`${root}/scripts/reference.mjs`, '--check'], { stdio: 'pipe' });
  });

  it('name the fields that the documents with --json have', async () => {
    const { user, here } = await reader();
    const described = readFileSync(`${root}/docs/json.md`, 'utf8');
    const row = (command: string) =>
      described
        .split('\n')
        .find((line) => line.startsWith('| ') && line.split(' | ')[0]?.includes(`\`${command}\``)) ?? '';
    const environment = { ENGINESHED_SIGNING_PASSWORD: 'correct horse', ENGINESHED_SIGNING_KEY: 'one.key' };
    const signing = (...args: string[]) => user.json(['trust', ...args], { environment });
    const documents = {
      install: await user.json(['install', 'train']),
      publish: await user.json(['publish', 'component', 'oci:layout:1']),
      index: await user.json(['index', 'oci:layout:2', 'oci:layout:1']),
      attach: await user.json(['attach', 'oci:layout:1', 'token.txt', '--type', 'text/plain']),
      referrers: await user.json(['referrers', 'oci:layout:1']),
      copy: await user.json(['copy', 'oci:layout:1', 'oci-archive:layout.tar']),
      mirror: await user.json(['mirror', 'train', here('localhost:5000/copies')]),
      export: await user.json(['export', 'train', 'train.tar']),
      import: await user.json(['import', 'train.tar']),
      list: await user.json(['list']),
      outdated: await user.json(['outdated']),
      diff: await user.json(['diff', 'train', '--files']),
      tags: await user.json(['tags', 'oci:layout']),
      prune: await user.json(['prune', 'oci:layout', '--older-than', '1d']),
      inspect: await user.json(['inspect', 'oci:layout:1']),
      ls: await user.json(['ls', 'oci:layout:1']),
      available: await user.json(['available']),
      use: await user.json(['use', 'train']),
      current: await user.json(['current']),
      env: await user.json(['env']),
      which: await user.json(['which', 'core-engine']),
      history: await user.json(['history']),
      rollback: await user.json(['rollback', '--to', '1']),
      gc: await user.json(['gc']),
      uninstall: await user.json(['uninstall', 'train', '--force']),
      login: await user.json(['login']),
      logout: await user.json(['logout', 'ghcr.io']),
      'trust generate-key-pair': await signing('generate-key-pair', 'one'),
      'trust public-key': await signing('public-key'),
      'trust sign': await signing('sign', 'oci:layout:1'),
      'trust verify': await signing('verify', 'oci:layout:1', '--key', 'one.pub'),
    };
    for (const [command, document] of Object.entries(documents)) {
      for (const field of Object.keys(document))
        expect(`${command}: ${row(command)}`).toContain(`\`${field}\``);
    }
  });

  it('tell the truth of dry runs: every document says that it is one', async () => {
    const { user, here } = await reader();
    await user.output(['install', 'train']);
    await user.output(['install', '9.1.0']);
    await user.output(['export', 'train', 'train.tar']);
    await user.output(['publish', 'component', 'oci:layout:0']);
    for (const args of [
      ['install', 'tram'],
      ['publish', 'component', 'oci:layout:1'],
      ['mirror', 'train', here('localhost:5000/copies')],
      ['import', 'train.tar'],
      ['prune', 'oci:layout', '--older-than', '1d'],
      ['rollback'],
      ['gc'],
    ]) {
      expect([args, await user.json([...args, '--dry-run'])]).toMatchObject([args, { dryRun: true }]);
    }
  });

  it('link to files that are there', () => {
    for (const document of [
      'README.md',
      'docs/guide.md',
      'docs/configuration.md',
      'docs/json.md',
      'docs/reference.md',
      'docs/decisions/README.md',
      'docs/testing.md',
      'docs/performance.md',
    ]) {
      const text = readFileSync(`${root}/${document}`, 'utf8');
      const folder = document.replace(/[^/]*$/, '');
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
        statSync(`${root}/${folder}${link}`);
    }
  });
});
