import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLayout, memoryTarget, readImage } from '../../src/content/index.js';
import { EngineshedError } from '../../src/errors/index.js';
import { type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import {
  type PublishInputs,
  packImage,
  publish,
  readCheckout,
  statedPlatform,
} from '../../src/publish/index.js';
import { newUser } from '../acceptance/cli.js';
import { temporaryDirectory } from '../support/temporary.js';
import { makeComponent } from '../support/tree.js';
import { commitAll, git, gitEnvironment } from './git.js';

const owner = ownerOf(process.pid);
const dead: Owner = { ...owner, start: '1' };

async function inputsOf(directory: string, differs: Partial<PublishInputs> = {}): Promise<PublishInputs> {
  const checkout = await readCheckout(directory, { environment: gitEnvironment, userId: process.getuid?.() });
  const annotations = {};
  return {
    directory,
    checkout,
    annotations,
    sourceDateEpoch: undefined,
    platform: statedPlatform,
    externalLinks: 'reject',
    report: () => {},
    ...differs,
  };
}

async function pack(directory: string, differs: Partial<PublishInputs> = {}) {
  const layout = createLayout(`${temporaryDirectory()}/layout`, owner);
  const image = await packImage(layout, await inputsOf(directory, differs));
  return { layout, image };
}

function component(): string {
  const directory = `${temporaryDirectory()}/component`;
  mkdirSync(directory);
  makeComponent(directory);
  return directory;
}

describe('the same content of the same commit is the same image', () => {
  it('in another clone, under another umask, at another time', async () => {
    const origin = component();
    commitAll(origin);
    git(origin, 'tag', 'v1.0.0');
    const base = temporaryDirectory();
    const before = process.umask(0o077);
    git(base, 'clone', '-q', origin, 'clone with another name');
    process.umask(before);
    const clone = `${base}/clone with another name`;
    mkdirSync(`${clone}/empty-directory`);
    utimesSync(`${clone}/README.md`, 1, 1);
    const first = await pack(origin);
    const second = await pack(clone);
    expect(second.image).toEqual(first.image);
    expect(first.image.annotations).toMatchObject({
      'org.opencontainers.image.version': '1.0.0',
      'org.opencontainers.image.created': '2024-05-06T07:08:09Z',
    });
  });

  it('in the next commit it is the same layer in another image', async () => {
    const directory = component();
    commitAll(directory);
    const first = await pack(directory);
    git(directory, 'commit', '-q', '--allow-empty', '-m', 'second');
    const second = await pack(directory);
    expect(second.image.layer).toEqual(first.image.layer);
    expect(second.image.manifest.digest).not.toBe(first.image.manifest.digest);
  });

  it('whatever the locale, the time zone and the directory that the command is given in', async () => {
    const user = newUser();
    makeComponent(user.work);
    mkdirSync(`${user.home}/elsewhere`);
    const publishIt = (LC_ALL: string, TZ: string, cwd: string) =>
      user.json(['publish', user.work, `oci:${user.home}/images:1`], {
        directory: cwd,
        environment: { LC_ALL, TZ },
      });
    const first = await publishIt('C', 'UTC', user.work);
    const second = await publishIt('de_DE.UTF-8', 'Asia/Tokyo', `${user.home}/elsewhere`);
    expect(second.digest).toBe(first.digest);
  });

  it('SOURCE_DATE_EPOCH is the time of creation and of every file', async () => {
    const directory = component();
    const plain = await pack(directory);
    const dated = await pack(directory, { sourceDateEpoch: 1_000_000_000 });
    expect(dated.image.layer.digest).not.toBe(plain.image.layer.digest);
    expect(dated.image.annotations['org.opencontainers.image.created']).toBe('2001-09-09T01:46:40Z');
    expect(plain.image.annotations['org.opencontainers.image.created']).toBeUndefined();
  });
});

describe('an image tells', () => {
  it('no credential of the remote, and no ".git"', async () => {
    const directory = component();
    commitAll(directory);
    git(directory, 'remote', 'add', 'origin', 'https://user:s3cret@example.org/org/repo.git');
    const { layout, image } = await pack(directory);
    const found = await readImage(layout, image.manifest, { os: 'linux', architecture: 'amd64' });
    expect(found.manifest.annotations?.['org.opencontainers.image.source']).toBe(
      'https://example.org/org/repo',
    );
    expect(found.manifestBytes.toString() + found.configBytes.toString()).not.toContain('s3cret');
    const clean = `${temporaryDirectory()}/clean`;
    cpSync(directory, clean, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('/.git'),
    });
    expect((await pack(clean)).image.layer.digest).toBe(image.layer.digest);
  });

  it('that it was dirty; what the user says of it wins', async () => {
    const directory = component();
    commitAll(directory);
    writeFileSync(`${directory}/new`, '');
    const annotations = { 'org.opencontainers.image.version': 'mine', other: 'x' };
    const { image } = await pack(directory, { annotations });
    expect(image.annotations).toMatchObject(annotations);
    expect(image.annotations['org.opencontainers.image.revision']).toMatch(/^[0-9a-f]{40}-dirty$/);
  });
});

describe('publishing leaves nothing behind', () => {
  it('in the temporary directory, also of what was killed, and takes nobody else’s', async () => {
    const temporary = temporaryDirectory();
    const prefix = 'engineshed-publish-';
    const left = `${prefix}${ownedName(dead)}`;
    mkdirSync(`${temporary}/${left}/blobs`, { recursive: true, mode: 0o500 });
    const kept = [
      `${prefix}${ownedName(owner)}`,
      `${prefix}${ownedName({ ...dead, place: '0123456789ab' })}`,
      `${prefix}mine`,
    ];
    for (const name of kept) {
      mkdirSync(`${temporary}/${name}`);
      utimesSync(`${temporary}/${name}`, 1, 1);
    }
    const inputs = await inputsOf(component());
    await publish(inputs, memoryTarget(), { tags: ['1'], temporary, owner });
    expect(readdirSync(temporary).sort()).toEqual(kept.sort());
    const failing = { ...memoryTarget(), push: () => Promise.reject(new EngineshedError('TIMEOUT', 'no')) };
    await expect(publish(inputs, failing, { tags: [], temporary, owner })).rejects.toThrow('no');
    expect(readdirSync(temporary).sort()).toEqual(kept.sort());
  });

  it('in the layout, when the content cannot be published, and of what was killed', async () => {
    const directory = `${temporaryDirectory()}/layout`;
    createLayout(directory, owner);
    writeFileSync(`${directory}/.engineshed-new-${ownedName(dead)}`, 'half');
    mkdirSync(`${directory}/.engineshed-lock`);
    writeFileSync(`${directory}/.engineshed-lock/exclusive.${ownedName(dead)}`, '');
    const content = component();
    writeFileSync(`${content}/a\nname`, '');
    const layout = createLayout(directory, owner);
    await expect(packImage(layout, await inputsOf(content))).rejects.toMatchObject({
      code: 'CONTENT_UNPUBLISHABLE',
    });
    expect(readdirSync(directory).sort()).toEqual(['blobs', 'oci-layout']);
  });

  it('in the directory that is published: nothing is written there', async () => {
    const user = newUser();
    mkdirSync(`${user.work}/part`);
    writeFileSync(`${user.work}/part/file`, '');
    chmodSync(`${user.work}/part`, 0o755);
    const refused = await user.engineshed(['publish', '.', 'oci:part/images:1']);
    expect(refused).toMatchObject({ status: 64, stdout: '' });
    expect(existsSync(`${user.work}/part/images`)).toBe(false);
    const temporary = { environment: { TMPDIR: `${user.work}/part` } };
    expect((await user.engineshed(['publish', '.', 'localhost:1/x', '--dry-run'], temporary)).status).toBe(
      64,
    );
  });
});
