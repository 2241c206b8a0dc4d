import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRealRegistry } from '../support/registry-debian.js';
import { newUser, type User } from './cli.js';

const places = {
  'a registry': async (user: User) => {
    const directory = `${user.home}/registry`;
    mkdirSync(directory);
    const registry = await startRealRegistry({ directory });
    onTestFinished(() => registry.close());
    const image = `${registry.host}/acme/greeter`;
    return {
      component: `${registry.host}/acme/words:edge`,
      source: 'image',
      key: 'image',
      image,
      shown: image,
    };
  },
  'an image layout': async () => ({
    component: 'oci:images/words:edge',
    source: 'layout',
    key: 'layout',
    image: 'images/greeter',
    shown: 'oci:greeter',
  }),
};

describe.each(Object.keys(places) as (keyof typeof places)[])('pages of releases in %s', (kind) => {
  it('are written once for each state, and tell how to install', async () => {
    const user = newUser();
    const { component, source, key, image, shown } = await places[kind](user);
    writeFileSync(
      `${user.work}/engineshed.toml`,
      `
[engines.greeter]
sources.words = { ${source} = "${component.replace(/^oci:/, '')}" }
[release]
engine = "greeter"
${key} = "${image}"
[release.channels]
stable = { tag = "latest", versions = "{version}" }
`,
    );
    mkdirSync(`${user.work}/words`);
    const release = async (version: string) => {
      writeFileSync(`${user.work}/words/greeting`, `Hello ${version}\n`);
      await user.output(['publish', 'words', component]);
      await user.output(['release', 'build', '--tag', 'candidate']);
      await user.output(['release', 'promote', 'candidate', 'stable', '--version', version]);
    };
    await release('1.0.0');

    const planned = await user.json(['release', 'site', 'site', '--dry-run']);
    expect(planned).toMatchObject({ dryRun: true, changed: false, files: 5, releases: 1, omitted: 0 });
    expect(readdirSync(user.work)).not.toContain('site');
    const written = await user.json(['release', 'site', 'site']);
    expect(written).toEqual({
      directory: `${user.work}/site`,
      files: 5,
      bytes: planned.bytes,
      changed: true,
      releases: 1,
      channels: [{ name: 'stable', digest: expect.stringMatching(/^sha256:/), steps: 1 }],
      unreadable: [],
      omitted: 0,
    });
    const index = readFileSync(`${user.work}/site/index.html`, 'utf8');
    expect(index).toContain(`data-copy="engineshed install ${shown}:latest"`);
    expect(index).not.toContain(user.home);

    await release('1.1.0');
    const elsewhere = { environment: { TZ: 'Asia/Tokyo', ENGINESHED_HOME: `${user.home}/other` } };
    expect(await user.output(['release', 'site', 'site'], elsewhere)).toMatch(
      /^2 releases, 6 pages, \d+ kB written to site$/m,
    );
    expect(await user.json(['release', 'site', 'site'])).toMatchObject({ changed: false });
    const few = await user.output(['release', 'site', 'few', '--limit', '1']);
    expect(few).toContain('left out: 1 older release; --limit 1 is the most');

    writeFileSync(`${user.work}/site/notes.txt`, 'mine');
    const refused = await user.engineshed(['release', 'site', 'site']);
    expect([refused.status, refused.stderr]).toEqual([74, expect.stringContaining('has notes.txt')]);
    const files = readdirSync(`${user.work}/site`);
    expect(files).toContain('notes.txt');
  });
});
