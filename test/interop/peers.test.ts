import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import AjvModule from 'ajv-draft-04';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { newUser } from '../acceptance/cli.js';
import { peersMissing, peersRequired } from '../support/peers.js';
import { type RealRegistry, startRealRegistry } from '../support/registry-debian.js';
import { makeComponent, readTree } from '../support/tree.js';

// A CommonJS package whose class is its default export's default.
const Ajv = AjvModule.default ?? AjvModule;
const schemas = '/usr/share/gocode/src/github.com/opencontainers/image-spec/schema';

const schemaId = (file: string) => `https://opencontainers.org/schema/${file}`;

function peer(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

describe.skipIf(peersMissing('docker-registry', 'skopeo', 'umoci', 'buildah'))('real peers', () => {
  let registry: RealRegistry;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(`${tmpdir()}/engineshed-registry-`);
    registry = await startRealRegistry({ directory: home });
  });
  afterAll(async () => {
    await registry.close();
    await removeTree(home);
  });

  /** A component of the full variety, published by the built program. */
  async function published(name: string) {
    const user = newUser();
    const source = `${user.work}/component`;
    makeComponent(source);
    const reference = `${registry.host}/${name}:edge`;
    const { digest } = await user.json(['publish', source, reference]);
    return { user, source, reference, digest: digest as string };
  }

  it('skopeo inspects and copies what we publish, digest for digest', async () => {
    const { user, reference, digest } = await published('skopeo/component');
    const seen = JSON.parse(peer('skopeo', 'inspect', '--tls-verify=false', `docker://${reference}`));
    expect(seen).toMatchObject({ Digest: digest, Os: 'linux', Architecture: 'amd64' });
    expect(seen.Layers).toHaveLength(1);
    peer('skopeo', 'copy', '--src-tls-verify=false', `docker://${reference}`, `oci:${user.work}/copy:edge`);
    const index = JSON.parse(readFileSync(`${user.work}/copy/index.json`, 'utf8'));
    expect(index.manifests[0].digest).toBe(digest);
  });

  it('umoci unpacks what we publish to the tree that was published', async () => {
    const { user, source, reference } = await published('umoci/component');
    peer('skopeo', 'copy', '--src-tls-verify=false', `docker://${reference}`, `oci:${user.work}/copy:edge`);
    peer('umoci', 'unpack', '--image', `${user.work}/copy:edge`, `${user.work}/bundle`);
    expect(readTree(`${user.work}/bundle/rootfs`)).toEqual(readTree(source));
  });

  it('GNU tar extracts our layer to the tree that was published', async () => {
    const { user, source } = await published('tar/component');
    await user.output(['publish', source, 'oci:layout:1']);
    const index = JSON.parse(readFileSync(`${user.work}/layout/index.json`, 'utf8'));
    const blob = (digest: string) => `${user.work}/layout/blobs/${digest.replace(':', '/')}`;
    const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
    mkdirSync(`${user.work}/tar`);
    peer('tar', 'xzf', blob(manifest.layers[0].digest), '-C', `${user.work}/tar`);
    expect(readTree(`${user.work}/tar`)).toEqual(readTree(source));
  });

  it('buildah copies from what we publish, as a Dockerfile does', async () => {
    const { user, source, reference } = await published('buildah/component');
    const storage = buildahStorage(user.work);
    writeFileSync(`${user.work}/Dockerfile`, `FROM scratch\nCOPY --from=${reference} / /opt/engine/\n`);
    peer(
      'buildah',
      ...storage,
      'bud',
      '--isolation',
      'chroot',
      '--tls-verify=false',
      '-t',
      'built',
      '-f',
      `${user.work}/Dockerfile`,
      user.work,
    );
    peer('buildah', ...storage, 'push', 'built', `oci:${user.work}/built:1`);
    peer('umoci', 'unpack', '--image', `${user.work}/built:1`, `${user.work}/bundle`);
    expect(readTree(`${user.work}/bundle/rootfs/opt/engine`)).toEqual(readTree(source));
  });

  it('we install what buildah builds and skopeo pushes, whiteouts included', async () => {
    const user = newUser();
    const storage = buildahStorage(user.work);
    makeComponent(`${user.work}/context/base`);
    mkdirSync(`${user.work}/context/more/templates`, { recursive: true });
    writeFileSync(`${user.work}/context/more/templates/added.ftl`, 'added');
    writeFileSync(`${user.work}/context/more/README.md`, '# changed\n');
    writeFileSync(
      `${user.work}/Dockerfile`,
      // Without a shell in the image, a file that takes a directory's place makes the whiteouts.
      'FROM scratch AS one\nCOPY base/ /\nFROM one\nCOPY more/ /\nCOPY more/README.md /replaced\n',
    );
    peer(
      'buildah',
      ...storage,
      'bud',
      '--layers',
      '--isolation',
      'chroot',
      '-t',
      'built',
      '-f',
      `${user.work}/Dockerfile`,
      `${user.work}/context`,
    );
    const container = peer('buildah', ...storage, 'from', 'built').trim();
    const mount = peer('buildah', ...storage, 'mount', container).trim();
    execFileSync('rm', ['-r', `${mount}/deep`, `${mount}/data.bin`]);
    execFileSync('sh', [
      '-c',
      `rm -r '${mount}/empty-directory' && mkdir '${mount}/empty-directory' && touch '${mount}/empty-directory/now-full'`,
    ]);
    peer('buildah', ...storage, 'umount', container);
    peer('buildah', ...storage, 'commit', '-q', container, 'changed');
    peer('buildah', ...storage, 'push', 'changed', `oci-archive:${user.work}/changed.tar:1`);
    for (const format of ['oci', 'v2s2']) {
      const reference = `${registry.host}/built/engine-${format}:1`;
      peer(
        'skopeo',
        'copy',
        '--format',
        format,
        '--dest-tls-verify=false',
        `oci-archive:${user.work}/changed.tar:1`,
        `docker://${reference}`,
      );
      const { name } = await user.json(['install', reference]);
      const shown = await user.json(['show', name]);
      const [source] = Object.values<{ directory: string; layers: unknown[] }>(shown.sources);
      expect(source?.layers.length).toBeGreaterThan(2);
      peer(
        'skopeo',
        'copy',
        '--format',
        'oci',
        '--src-tls-verify=false',
        `docker://${reference}`,
        `oci:${user.work}/${format}:1`,
      );
      peer('umoci', 'unpack', '--image', `${user.work}/${format}:1`, `${user.work}/${format}-bundle`);
      const expected = readTree(`${user.work}/${format}-bundle/rootfs`);
      expect(readTree(realpathSync(source?.directory ?? ''))).toEqual(expected);
      expect(expected['empty-directory/now-full']).toBeDefined();
      expect(expected['data.bin']).toBeUndefined();
    }
  });

  it.skipIf(!peersRequired && !existsSync(schemas))(
    "manifest, config and layout fit the image specification's JSON schemas",
    async () => {
      const { user, source } = await published('schemas/component');
      await user.output(['publish', source, 'oci:layout:1', '--annotation', 'com.example.key=value']);
      const ajv = new Ajv({ strict: false, logger: false, validateSchema: false });
      for (const file of readdirSync(schemas).filter((name) => name.endsWith('.json'))) {
        // The schemas refer to each other by file name, which their own ids would hide.
        const text = readFileSync(`${schemas}/${file}`, 'utf8').replace(/"id": "https:[^"]*",/g, '');
        ajv.addSchema({ ...JSON.parse(text), id: schemaId(file) });
      }
      const fits = (schema: string, document: unknown) => {
        const validate = ajv.getSchema(schemaId(schema));
        expect([schema, validate?.(document), validate?.errors]).toEqual([schema, true, null]);
      };
      const read = (path: string) => JSON.parse(readFileSync(`${user.work}/layout/${path}`, 'utf8'));
      const index = read('index.json');
      const manifest = read(`blobs/${index.manifests[0].digest.replace(':', '/')}`);
      fits('image-layout-schema.json', read('oci-layout'));
      fits('image-index-schema.json', index);
      fits('image-manifest-schema.json', manifest);
      fits('config-schema.json', read(`blobs/${manifest.config.digest.replace(':', '/')}`));
      expect(ajv.getSchema(schemaId('image-manifest-schema.json'))?.({ schemaVersion: 2 })).toBe(false);
    },
  );

  function buildahStorage(directory: string): string[] {
    return [
      '--root',
      `${directory}/buildah`,
      '--runroot',
      `${directory}/buildah-run`,
      '--storage-driver',
      'vfs',
    ];
  }
});
