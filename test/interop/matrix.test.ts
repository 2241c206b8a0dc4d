import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { newUser, type User } from '../acceptance/cli.js';
import { peersMissing, runPeer } from '../support/peers.js';
import { makeComponent, readTree, type Tree } from '../support/tree.js';
import { clients, digestOfLayout, regctl, unpackLayout } from './clients.js';
import { type RunningRegistry, registryKinds } from './registries.js';

const names = clients.map(({ name }) => name);
const named = clients.map((client) => [client.name, client] as const);
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];

for (const kind of registryKinds) {
  describe.skipIf(peersMissing(...kind.programs, ...names))(`${kind.name}, between us and others`, () => {
    let directory: string;
    let registry: RunningRegistry;
    beforeAll(async () => {
      directory = mkdtempSync(`${tmpdir()}/engineshed-matrix-`);
      registry = await kind.start(directory);
    });
    afterAll(async () => {
      await registry.close();
      await removeTree(directory);
    });
    const reference = (name: string) => `${registry.host}/${name}`;

    it.each(named)('%s pulls what we publish, digest for digest', async (name, { pull }) => {
      const user = newUser();
      makeComponent(`${user.work}/component`);
      const { digest } = await user.json(['publish', 'component', reference(`published/${name}:1`)]);
      await pull(reference(`published/${name}:1`), `${user.work}/layout`);
      expect(digestOfLayout(`${user.work}/layout`)).toBe(digest);
      unpackLayout(`${user.work}/layout`, `${user.work}/unpacked`);
      expect(readTree(`${user.work}/unpacked`)).toEqual(readTree(`${user.work}/component`));
    });

    it.each(named)('we install what %s pushes, several layers, by digest', async (name, { push }) => {
      const user = newUser();
      const { tree, archives } = makeLayers(user);
      // An image that none of us made: crane's, of two layers.
      const made = await runPeer('crane', appending(archives, reference('made/image:1')));
      await runPeer('crane', ['pull', '--format=oci', made.trim(), `${user.work}/made`]);
      const digest = digestOfLayout(`${user.work}/made`);
      await runPeer('skopeo', ['copy', `oci:${user.work}/made`, `oci:${user.work}/tagged:1`]);
      await push(`${user.work}/tagged`, reference(`pushed/${name}:1`));
      const installed = await installedTree(user, `${reference(`pushed/${name}`)}@${digest}`);
      expect(installed).toEqual({ digest, tree });
    });

    it('we install an image that oras puts together', async () => {
      const user = newUser();
      const { tree, archives } = makeLayers(user);
      const layers = archives.map((archive) => {
        const bytes = readFileSync(archive);
        writeFileSync(`${archive}.gz`, gzipSync(bytes));
        return {
          file: `${archive}.gz:application/vnd.oci.image.layer.v1.tar+gzip`,
          diffId: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
        };
      });
      const config = {
        os: 'linux',
        architecture: 'amd64',
        rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      };
      writeFileSync(`${user.work}/config.json`, JSON.stringify(config));
      const pushed = await runPeer('oras', [
        ...['push', '--plain-http', '--disable-path-validation', '--format', 'json'],
        ...['--config', `${user.work}/config.json:application/vnd.oci.image.config.v1+json`],
        ...[reference('pushed/artifact:1'), ...layers.map(({ file }) => file)],
      ]);
      const { digest } = JSON.parse(pushed);
      expect(await installedTree(user, reference('pushed/artifact:1'))).toEqual({ digest, tree });
    });

    it.skipIf(architecture === undefined)(
      'we pick our platform from an index of crane and of regctl',
      async () => {
        const user = newUser();
        const name = reference('pushed/index');
        const trees: Record<string, Tree> = {};
        for (const one of ['amd64', 'arm64', 's390x']) {
          mkdirSync(`${user.work}/${one}`);
          writeFileSync(`${user.work}/${one}/architecture`, one);
          trees[one] = readTree(`${user.work}/${one}`);
          execFileSync('tar', ['cf', `${user.work}/${one}.tar`, '-C', `${user.work}/${one}`, '.']);
          await runPeer('crane', appending([`${user.work}/${one}.tar`], `${name}:${one}`));
          await runPeer('crane', [
            'mutate',
            `${name}:${one}`,
            '--set-platform',
            `linux/${one}`,
            '-t',
            `${name}:${one}`,
          ]);
        }
        const parts = ['s390x', 'arm64', 'amd64'].map((one) => `${name}:${one}`);
        await runPeer('crane', [
          'index',
          'append',
          ...parts.flatMap((part) => ['-m', part]),
          '-t',
          `${name}:crane`,
        ]);
        await regctl(name, 'index', 'create', `${name}:regctl`, ...parts.flatMap((part) => ['--ref', part]));
        for (const tag of ['crane', 'regctl']) {
          const digest = (await runPeer('crane', ['digest', `${name}:${tag}`])).trim();
          const installed = await installedTree(user, `${name}@${digest}`);
          expect(installed.tree).toEqual(trees[architecture ?? '']);
        }
      },
    );

    it('all list the same tags', async () => {
      const user = newUser();
      makeComponent(`${user.work}/component`);
      const expected = ['1.0.0', '1.10.0', '1.2.0', 'edge', 'Nightly_1'].sort();
      const tags = expected.flatMap((tag) => ['--tag', tag]);
      await user.output(['publish', 'component', reference('published/tags'), ...tags]);
      const { tags: ours } = await user.json(['tags', reference('published/tags')]);
      expect(ours.map((tag: { tag: string }) => tag.tag).sort()).toEqual(expected);
      for (const client of clients)
        expect([client.name, (await client.tags(reference('published/tags'))).sort()]).toEqual([
          client.name,
          expected,
        ]);
    });

    it('others see what we attach, and we what they attach', async () => {
      const user = newUser();
      makeComponent(`${user.work}/component`);
      writeFileSync(`${user.work}/notes.txt`, 'notes');
      const image = reference('published/subject:1');
      const { digest } = await user.json(['publish', 'component', image]);
      const subject = `${reference('published/subject')}@${digest}`;

      await user.output(['attach', '--type', 'application/x.ours', image, 'notes.txt:text/plain']);
      await runPeer('oras', [
        ...['attach', '--plain-http', '--disable-path-validation', '--artifact-type', 'application/x.oras'],
        ...[image, `${user.work}/notes.txt:text/plain`],
      ]);
      await regctl(
        image,
        ...['artifact', 'put', '--artifact-type', 'application/x.regctl', '--subject', image],
        ...['--file', `${user.work}/notes.txt`, '--file-media-type', 'text/plain'],
      );

      const { referrers: ours } = await user.json(['referrers', image]);
      const discovered = await runPeer('oras', ['discover', '--plain-http', '--format', 'json', subject]);
      const listed = await regctl(image, 'artifact', 'list', image, '--format', '{{json .Descriptors}}');
      const lists = [ours, JSON.parse(discovered).referrers, JSON.parse(listed)] as Descriptor[][];
      for (const list of lists) {
        expect(list).toHaveLength(3);
        expect(list.map(({ digest }) => digest).sort()).toEqual(lists[0]?.map(({ digest }) => digest).sort());
        if (kind.referrers === 'loose api') continue;
        const types = ['application/x.oras', 'application/x.ours', 'application/x.regctl'];
        expect(list.map(({ artifactType }) => artifactType).sort()).toEqual(types);
      }

      // Where there is no API, all of them keep the list under the same tag.
      if (kind.referrers === 'loose api') return;
      const { tags } = await user.json(['tags', '--all', reference('published/subject')]);
      const expected = kind.referrers === 'tag' ? ['1', digest.replace(':', '-')] : ['1'];
      expect(tags.map(({ tag }: { tag: string }) => tag).sort()).toEqual(expected);
    });
  });
}

/** Two layers as archives of GNU tar, and what they make together: a file of the first is replaced by the second. */
function makeLayers(user: User): { tree: Tree; archives: string[] } {
  makeComponent(`${user.work}/lower`);
  mkdirSync(`${user.work}/upper/added`, { recursive: true });
  writeFileSync(`${user.work}/upper/added/file`, 'added');
  writeFileSync(`${user.work}/upper/README.md`, '# replaced\n');
  cpSync(`${user.work}/lower`, `${user.work}/both`, { recursive: true, verbatimSymlinks: true });
  cpSync(`${user.work}/upper`, `${user.work}/both`, { recursive: true });
  const archives = ['lower', 'upper'].map((layer) => {
    const archive = `${user.work}/${layer}.tar`;
    execFileSync('tar', ['cf', archive, '--owner=0', '--group=0', '-C', `${user.work}/${layer}`, '.']);
    return archive;
  });
  return { tree: readTree(`${user.work}/both`), archives };
}

/** The arguments with which crane makes an image of archives and pushes it. */
function appending(archives: readonly string[], reference: string): string[] {
  return ['append', '--oci-empty-base', ...archives.flatMap((archive) => ['-f', archive]), '-t', reference];
}

/** Installs an image; its digest as it was resolved, and what is in it. */
async function installedTree(user: User, reference: string): Promise<{ digest: string; tree: Tree }> {
  const { name } = await user.json(['install', reference]);
  const shown = await user.json(['show', name]);
  const [source] = Object.values<{ directory: string; resolved: string }>(shown.sources);
  if (source === undefined) throw new Error(`${name} has no source`);
  return { digest: source.resolved, tree: readTree(realpathSync(source.directory)) };
}
