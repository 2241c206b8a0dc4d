import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { noReferrers, ScriptedRegistry } from '../../src/testing/index.js';
import { newUser } from './cli.js';

/** A product whose wrapper differs by operating system, as hamlet's does. */
async function situation() {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const image = `${registry.host}/acme/wrapper`;
  const variants = { linux: 'linux/amd64', darwin: 'darwin/arm64', windows: 'windows/amd64' };
  for (const [system, platform] of Object.entries(variants)) {
    mkdirSync(`${user.work}/${system}/bin`, { recursive: true });
    writeFileSync(`${user.work}/${system}/bin/wrapper${system === 'windows' ? '.bat' : ''}`, system);
    await user.output(['publish', system, `${image}:edge-${system}`, '--platform', platform]);
  }
  writeFileSync(
    `${user.work}/engineshed.toml`,
    `[engines.acme]
environment = "acme"
[engines.acme.sources]
wrapper = { image = "${image}:edge" }
[engines.acme.parts]
wrapper = { source = "wrapper" }
[environments.acme]
WRAPPER = { part = "wrapper", path = { linux = "bin/wrapper", darwin = "bin/wrapper", win32 = "bin/wrapper.bat" } }
`,
  );
  return { user, registry, image, sources: Object.keys(variants).map((system) => `${image}:edge-${system}`) };
}

it('publishes an index over variants, and installs for each platform the one that is its own', async () => {
  const { user, image, sources } = await situation();
  const published = await user.json(['index', `${image}:edge`, ...sources]);
  expect(published).toMatchObject({
    references: [`${image}:edge`],
    images: [{ platform: 'darwin/arm64' }, { platform: 'linux/amd64' }, { platform: 'windows/amd64' }],
  });
  expect((await user.json(['index', `${image}:again`, ...sources.reverse()])).digest).toBe(published.digest);
  for (const [system, platform] of [
    ['linux', 'linux/amd64'],
    ['darwin', 'darwin/arm64'],
    ['windows', 'windows/amd64'],
  ]) {
    const installed = await user.json(['install', 'acme', '--platform', platform as string]);
    expect(installed.sources.wrapper).toMatchObject({ resolved: published.digest, platform });
    const { set } = await user.json(['env', 'acme']);
    expect(readFileSync(set.WRAPPER, 'utf8')).toBe(system);
    expect(await user.output(['show', 'acme'])).toContain(`platform ${platform}`);
  }
});

it('says what it picked where there was something to pick, and what there is where nothing fits', async () => {
  const { user, image, sources } = await situation();
  await user.output(['index', `${image}:edge`, ...sources]);
  const several = await user.engineshed(['install', 'acme', '--platform', 'darwin/arm64']);
  expect(several.stderr).toContain(
    'wrapper is there for darwin/arm64, linux/amd64, windows/amd64: taking darwin/arm64',
  );
  const one = await user.engineshed(['install', `${image}:edge-darwin`, '--name', 'one']);
  expect(one.stderr).not.toContain('taking');
  await user.output(['index', `${image}:two`, ...sources.filter((source) => !source.endsWith('linux'))]);
  const none = await user.engineshed(['install', `${image}:two`, '--platform', 'linux/s390x']);
  expect(none.status).toBe(65);
  expect(none.stderr).toContain('No image for linux/s390x; there is: darwin/arm64, windows/amd64');
});

it('refuses two images for one platform', async () => {
  const { user, image, sources } = await situation();
  const result = await user.engineshed(['index', `${image}:edge`, ...sources, sources[0] as string]);
  expect(result.status).toBe(64);
  expect(result.stderr).toContain('are both for linux/amd64');
});

it('attaches files to an image in a registry and in a layout, and lists them', async () => {
  const { user, image, registry } = await situation();
  registry.script(noReferrers());
  await user.output(['publish', 'linux', 'oci:images:edge']);
  writeFileSync(`${user.work}/bill.json`, '{}');
  for (const place of [`${image}:edge-linux`, 'oci:images:edge']) {
    const type = ['--type', 'application/spdx+json'];
    const attached = await user.json([
      'attach',
      place,
      'bill.json:application/spdx+json',
      ...type,
      '--annotation',
      'a=b',
    ]);
    expect(attached).toMatchObject({
      artifactType: 'application/spdx+json',
      annotations: { a: 'b' },
      files: [{ title: 'bill.json', size: 2, mediaType: 'application/spdx+json' }],
    });
    expect(await user.json(['referrers', place, ...type])).toMatchObject({
      subject: attached.subject,
      referrers: [
        { digest: attached.digest, artifactType: 'application/spdx+json', annotations: { a: 'b' } },
      ],
    });
    expect(await user.output(['referrers', place])).toContain(attached.digest);
    expect(await user.output(['referrers', place, '--type', 'a/none'])).toContain(
      'Nothing of the type a/none',
    );
  }
  const missing = await user.engineshed(['attach', 'oci:missing:edge', 'bill.json', '--type', 'a/b']);
  expect(missing.status).toBe(66);
  expect((await user.engineshed(['attach', 'oci:images:edge', '--type', 'a/b'])).status).toBe(64);
  expect((await user.engineshed(['attach', 'oci:images:edge', 'bill.json', '--type', 'bill'])).status).toBe(
    64,
  );
});
