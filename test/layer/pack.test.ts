import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../../src/content/index.js';
import { type PackOptions, packDirectory } from '../../src/layer/index.js';
import { digestOf } from '../../src/oci/index.js';
import { temporaryDirectory } from '../support/temporary.js';

type Tree = Record<
  string,
  string | { readonly content?: string; readonly mode?: number; readonly link?: string }
>;

/** Makes a directory: a name ending in a slash is an empty directory, text is a file's content. */
function make(tree: Tree): string {
  const root = join(temporaryDirectory(), 'content');
  mkdirSync(root);
  for (const [path, what] of Object.entries(tree)) {
    const at = join(root, path);
    mkdirSync(path.endsWith('/') ? at : dirname(at), { recursive: true });
    if (typeof what === 'string') {
      if (!path.endsWith('/')) writeFileSync(at, what);
    } else if (what.link !== undefined) symlinkSync(what.link, at);
    else {
      writeFileSync(at, what.content ?? '');
      chmodSync(at, what.mode ?? 0o644);
    }
  }
  return root;
}

async function pack(root: string, options: Partial<PackOptions> = {}) {
  const file = join(temporaryDirectory(), 'layer.tgz');
  const layer = await packDirectory(root, file, { externalLinks: 'reject', ...options });
  return { layer, file, bytes: readFileSync(file) };
}

/** Names in the archive as GNU tar lists them. */
function names(bytes: Buffer): string[] {
  const listing = execFileSync('tar', ['-tzf', '-', '--quoting-style=literal'], {
    input: bytes,
    maxBuffer: 1 << 26,
  });
  return listing.toString().split('\n').slice(0, -1);
}

const refused = (root: string, options?: Partial<PackOptions>) =>
  pack(root, options).then(
    () => {
      throw new Error('It was packed');
    },
    (error) => error as { code: string; message: string; hint?: string; details: { path?: string } },
  );

describe('what goes in', () => {
  it('describes what it wrote', async () => {
    const root = make({ 'a/b': 'content', 'empty/': '', c: 'c', link: { link: 'a/b' } });
    const { layer, bytes, file } = await pack(root);
    expect(layer).toEqual({
      descriptor: {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(bytes),
        size: bytes.length,
      },
      diffId: digestOf(gunzipSync(bytes)),
      entries: 5,
      contentBytes: 8,
      warnings: [],
    });
    expect(lstatSync(file).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(names(bytes)).toEqual(['a/', 'a/b', 'c', 'empty/', 'link']);
  });

  it('sorts by the bytes of the names, parents before children', async () => {
    const root = make({
      'a/x': '',
      'a.txt': '',
      'a-b/y': '',
      ab: '',
      Z: '',
      '\u{ffff}': '',
      '\u{10000}': '',
      é: '',
      z: '',
    });
    const listed = names((await pack(root)).bytes);
    expect(listed).toEqual([
      'Z',
      'a-b/',
      'a-b/y',
      'a.txt',
      'a/',
      'a/x',
      'ab',
      'z',
      'é',
      '\u{ffff}',
      '\u{10000}',
    ]);
  });

  it('leaves .git out at any depth, as directory and as file, and nothing that only looks like it', async () => {
    const root = make({
      '.git/config': 'x',
      'sub/.git': 'gitdir: ../.git/modules/sub',
      'sub/module/.git/HEAD': 'x',
      '.gitignore': '',
      '.github/workflow': '',
      'a.git/x': '',
    });
    expect(names((await pack(root)).bytes)).toEqual([
      '.github/',
      '.github/workflow',
      '.gitignore',
      'a.git/',
      'a.git/x',
      'sub/',
      'sub/module/',
    ]);
    expect(names((await pack(make({ '.git': 'gitdir: /somewhere', f: '' }))).bytes)).toEqual(['f']);
    expect(names((await pack(make({ '.dockerignore': '!.git', '.git': '', f: '' }))).bytes)).toEqual([
      '.dockerignore',
      'f',
    ]);
  });

  it('honours .dockerignore and packs it too, unless it leaves itself out', async () => {
    const content = { 'a/keep/x': '', 'a/drop': '', 'b/c': '', 'd/': '', e: '' };
    expect(names((await pack(make({ ...content, '.dockerignore': '*\n!a/keep\n!d' }))).bytes)).toEqual([
      'a/',
      'a/keep/',
      'a/keep/x',
      'd/',
    ]);
    expect(names((await pack(make({ ...content, '.dockerignore': 'a\nb/*\n' }))).bytes)).toEqual([
      '.dockerignore',
      'b/',
      'd/',
      'e',
    ]);
    expect(names((await pack(make({ ...content, 'z/x': '', '.dockerignore': '*\n!**/x' }))).bytes)).toEqual([
      'a/',
      'a/keep/',
      'a/keep/x',
      'z/',
      'z/x',
    ]);
  });

  it('does not look at what is left out', async () => {
    const root = make({ '.dockerignore': 'odd\nsecret\nabs', 'odd/.wh.x': '', abs: { link: '/etc' } });
    mkdirSync(join(root, 'secret'), { mode: 0 });
    execFileSync('mkfifo', [join(root, 'odd', 'fifo')]);
    expect(names((await pack(root)).bytes)).toEqual(['.dockerignore']);
  });

  it('packs an empty directory', async () => {
    const { layer, bytes } = await pack(make({}));
    expect(layer).toMatchObject({ entries: 0, contentBytes: 0 });
    expect(gunzipSync(bytes)).toEqual(Buffer.alloc(1024));
  });

  it('warns of names that are the same on other file systems', async () => {
    const { layer } = await pack(make({ 'd/README': '', 'd/ReadMe': '', 'e/readme': '' }));
    expect(layer.warnings).toHaveLength(1);
    expect(layer.warnings[0]).toContain('"d/README" and "d/ReadMe"');
  });
});

describe('reproducible', () => {
  const script = { content: '#!/bin/sh\n', mode: 0o755 };
  const tree: Tree = {
    'bin/run': script,
    'lib/ü/data': 'x'.repeat(3_000_000),
    'empty/': '',
    link: { link: 'bin/run' },
  };

  it('gives the same bytes in another place, at another time, with other modes, links and order', async () => {
    const first = await pack(make(tree));
    const reversed = make(Object.fromEntries(Object.entries(tree).toReversed()));
    chmodSync(join(reversed, 'bin/run'), 0o710);
    chmodSync(join(reversed, 'bin'), 0o700);
    chmodSync(join(reversed, 'empty'), 0o1777);
    chmodSync(join(reversed, 'lib/ü/data'), 0o600);
    utimesSync(join(reversed, 'bin/run'), 1, 1);
    expect((await pack(reversed)).layer).toEqual(first.layer);

    const copy = join(temporaryDirectory(), 'copy');
    cpSync(reversed, copy, { recursive: true, verbatimSymlinks: true });
    expect((await pack(copy)).layer).toEqual(first.layer);

    const one = make({ a: 'same', b: 'same' });
    const two = make({ a: 'same' });
    linkSync(join(two, 'a'), join(two, 'b'));
    expect((await pack(two)).layer).toEqual((await pack(one)).layer);
  });

  it('does not depend on the umask, and the execute bit counts', async () => {
    const root = make(tree);
    const first = await pack(root);
    const before = process.umask(0o077);
    try {
      expect((await pack(root)).layer).toEqual(first.layer);
    } finally {
      process.umask(before);
    }
    chmodSync(join(root, 'bin/run'), 0o644);
    expect((await pack(root)).layer.diffId).not.toBe(first.layer.diffId);
  });

  it('has no time, name or operating system in any gzip member, and none of this machine in the headers', async () => {
    const { bytes } = await pack(make(tree), { mtime: 1_700_000_000 });
    let members = 0;
    for (let at = 0; at >= 0; at = bytes.indexOf(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), at + 1)) {
      expect([...bytes.subarray(at, at + 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
      members++;
    }
    expect(members).toBe(3);
    const listing = execFileSync('tar', ['-tvzf', '-', '--numeric-owner', '--full-time', '--utc'], {
      input: bytes,
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    }).toString();
    expect(
      listing
        .trim()
        .split('\n')
        .map((line) => line.replace(/ +/g, ' ')),
    ).toEqual([
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 bin/',
      '-rwxr-xr-x 0/0 10 2023-11-14 22:13:20 bin/run',
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 empty/',
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 lib/',
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 lib/ü/',
      '-rw-r--r-- 0/0 3000000 2023-11-14 22:13:20 lib/ü/data',
      'lrwxrwxrwx 0/0 0 2023-11-14 22:13:20 link -> bin/run',
    ]);
    expect(gunzipSync(bytes).includes('root')).toBe(false);
  });
});

describe('refuses', () => {
  it.each(['/etc/passwd', '..', '../x', 'sub/../../x', 'C:/x'])(
    'A04 a link to %s, unless told to keep it',
    async (target) => {
      const root = make({ 'sub/f': '', link: { link: target } });
      const error = await refused(root);
      expect(error).toMatchObject({ code: 'CONTENT_UNPUBLISHABLE', details: { path: 'link' } });
      expect(error.hint).toContain('--keep-external-links');
      expect(names((await pack(root, { externalLinks: 'inert' })).bytes)).toContain('link');
    },
  );

  it('A04 a link that leads out through another one', async () => {
    const root = make({ 'a/b/up': { link: '../..' }, link: { link: 'a/b/up/../x' } });
    expect(await refused(root)).toMatchObject({ code: 'CONTENT_UNPUBLISHABLE', details: { path: 'link' } });
  });

  it('A08 FIFOs, sockets and devices, all named in one error', async () => {
    const root = make({ 'd/f': '' });
    execFileSync('mkfifo', [join(root, 'd', 'fifo')]);
    const server = createServer().listen(join(root, 'socket'));
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const error = await refused(root);
      expect(error.code).toBe('CONTENT_UNPUBLISHABLE');
      expect(error.message).toMatch(/"d\/fifo": it is a FIFO\n.*"socket": it is a socket/);
    } finally {
      server.close();
    }
  });

  it.each(['a\nb', 'a\\b', 'tab\t', '\u0085', '.wh.x', '.wh..wh..opq', 'C:x'])(
    'A03 A15 the name %j',
    async (name) => {
      const error = await refused(make({ [name]: '' }));
      expect(error.code).toBe('CONTENT_UNPUBLISHABLE');
      if (name !== 'C:x')
        expect((await refused(make({ [`d/${name}/x`]: '' }))).code).toBe('CONTENT_UNPUBLISHABLE');
    },
  );

  it('A03 link targets with control characters and backslashes', async () => {
    for (const target of ['a\nb', 'a\\b']) {
      expect((await refused(make({ link: { link: target } }))).code).toBe('CONTENT_UNPUBLISHABLE');
    }
  });

  it('what is no directory, and files that cannot be read or are in the way', async () => {
    const root = make({ f: '' });
    expect((await refused(join(root, 'missing'))).code).toBe('PATH_NOT_FOUND');
    expect((await refused(join(root, 'f'))).code).toBe('PATH_NOT_FOUND');
    const file = join(temporaryDirectory(), 'taken');
    writeFileSync(file, 'mine');
    await expect(packDirectory(root, file, { externalLinks: 'reject' })).rejects.toMatchObject({
      code: 'FILE_IN_THE_WAY',
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await expect(pack(root, { mtime: -1 })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(pack(root, { mtime: 1.5 })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it.each([
    ['shrinks', (file: string) => truncateSync(file, 1_000_000)],
    ['grows', (file: string) => writeFileSync(file, 'x', { flag: 'a' })],
    [
      'becomes a link',
      (file: string) => execFileSync('sh', ['-c', 'mv "$1" "$1.moved" && ln -s "$1.moved" "$1"', 'sh', file]),
    ],
    [
      'becomes a directory',
      (file: string) => execFileSync('sh', ['-c', 'rm "$1" && mkdir "$1"', 'sh', file]),
    ],
    ['goes away', (file: string) => execFileSync('rm', [file])],
  ])('a file that %s while it is read, and leaves no layer behind', async (_, change) => {
    const root = make({ a: 'x'.repeat(9_000_000), b: 'y'.repeat(3_000_000) });
    const file = join(temporaryDirectory(), 'layer.tgz');
    let changed = false;
    const report = (event: ProgressEvent) => {
      if (event.type !== 'transfer' || changed) return;
      changed = true;
      change(join(root, 'b'));
    };
    await expect(packDirectory(root, file, { externalLinks: 'reject', report })).rejects.toMatchObject({
      code: 'CONTENT_UNPUBLISHABLE',
      details: { path: 'b' },
    });
    expect(existsSync(file)).toBe(false);
  });
});

it('notices a byte too much also where the file ends with a gzip member', async () => {
  const root = make({ a: 'x'.repeat(9_000_000), b: 'y'.repeat(9 * 1024 * 1024 - 9_001_472) });
  const file = join(temporaryDirectory(), 'layer.tgz');
  const report = () => writeFileSync(join(root, 'b'), 'x', { flag: 'a' });
  await expect(packDirectory(root, file, { externalLinks: 'reject', report })).rejects.toMatchObject({
    code: 'CONTENT_UNPUBLISHABLE',
  });
});

it('reports the bytes of content, up to the total', async () => {
  const events: ProgressEvent[] = [];
  const root = make({ a: 'x'.repeat(2_500_000), b: 'y' });
  await pack(root, { report: (event) => events.push(event) });
  expect(events.at(-1)).toEqual({
    type: 'transferred',
    action: 'packed',
    id: root,
    label: root,
    total: 2_500_001,
  });
  expect(events.length).toBeGreaterThan(2);
});

it('does not pack the layer that it is writing', async () => {
  const root = make({ a: 'x' });
  await packDirectory(root, join(root, 'layer.tgz'), { externalLinks: 'reject' });
  expect(names(readFileSync(join(root, 'layer.tgz')))).toEqual(['a']);
  expect(readdirSync(root)).toEqual(['a', 'layer.tgz']);
});

it('can be read by gzip', async () => {
  const { bytes } = await pack(make({ big: 'x'.repeat(3_000_000) }));
  expect(spawnSync('gzip', ['-t'], { input: bytes }).status).toBe(0);
});
