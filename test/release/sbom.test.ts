import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import type { EngineLock } from '../../src/engine/index.js';
import { attachSbom, isSbomAttached, releaseSbom } from '../../src/release/index.js';
import { pushArtifact, referrersOf } from '../support/artifact.js';
import { lockedComponent, lockOf, releaseImage } from '../support/release-image.js';
import { directory, file, hardlink, symlink } from '../support/tar-archive.js';

const commit = 'c0ffee'.padEnd(40, '0');
const silent = () => {};

/** The document as data. */
// biome-ignore lint/suspicious/noExplicitAny: what it has is what is tested
async function documentOf(lock: EngineLock, layers: Parameters<typeof releaseImage>[1]): Promise<any> {
  const { target, image } = await releaseImage(lock, layers);
  const sbom = await releaseSbom(target, image, lock, silent);
  const bytes = Buffer.concat([...sbom.bytes()]);
  expect({ size: bytes.length, digest: `sha256:${hex('sha256', bytes)}` }).toMatchObject({
    size: sbom.descriptor.size,
    digest: sbom.descriptor.digest,
  });
  return JSON.parse(bytes.toString());
}

function hex(algorithm: string, content: string | Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

describe('the bill of materials', () => {
  it('lists the files as they are installed: by component, whatever layer they are in', async () => {
    const lock = lockOf({
      engine: lockedComponent('example.com/acme/engine:edge'),
      other: lockedComponent('oci:x:1'),
    });
    const document = await documentOf(lock, [
      {
        source: 'engine',
        entries: [
          directory('engine/'),
          file('engine/kept', 'kept'),
          file('engine/replaced', 'old'),
          file('engine/gone', 'gone'),
          hardlink('engine/again', 'engine/kept'),
          symlink('engine/link', 'kept'),
        ],
      },
      {
        entries: [
          file('engine/.wh.gone'),
          file('engine/replaced', 'new'),
          file('other/tool', '', { mode: 0o755 }),
          file('top', 'no component has it'),
        ],
      },
    ]);
    const name = new Map(document.packages.map(({ SPDXID, name }: Record<string, string>) => [SPDXID, name]));
    const fileById = new Map(document.files.map((entry: { SPDXID: string }) => [entry.SPDXID, entry]));
    const contained = document.relationships.flatMap(
      ({ spdxElementId, relatedSpdxElement }: Record<string, string>) => {
        const found = fileById.get(relatedSpdxElement) as
          | { fileName: string; checksums: object[] }
          | undefined;
        return found === undefined ? [] : [[name.get(spdxElementId), found.fileName, found.checksums]];
      },
    );
    const sums = (content: string) => [
      { algorithm: 'SHA1', checksumValue: hex('sha1', content) },
      { algorithm: 'SHA256', checksumValue: hex('sha256', content) },
    ];
    expect(contained).toEqual([
      ['product', './top', sums('no component has it')],
      ['engine', './engine/again', sums('kept')],
      ['engine', './engine/kept', sums('kept')],
      ['engine', './engine/replaced', sums('new')],
      ['other', './other/tool', sums('')],
    ]);
    expect(new Set(fileById.keys()).size).toBe(document.files.length);
    const [release, engine] = document.packages;
    const code = (...contents: string[]) => ({
      packageVerificationCodeValue: hex(
        'sha1',
        contents
          .map((content) => hex('sha1', content))
          .sort()
          .join(''),
      ),
    });
    expect(release.packageVerificationCode).toEqual(code('no component has it', 'kept', 'kept', 'new', ''));
    expect(engine.packageVerificationCode).toEqual(code('kept', 'kept', 'new'));
    expect(engine.comment).toBe('It has 1 symbolic link, which SPDX does not list as files.');
  });

  it('tells of a component what its image tells, and where the commit is', async () => {
    const told = lockedComponent('registry.example.com:5000/acme/engine:edge', {
      'org.opencontainers.image.source': 'https://github.com/Acme/Engine',
      'org.opencontainers.image.revision': commit,
      'org.opencontainers.image.version': '1.2.0',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.created': '2026-02-28T10:00:00Z',
    });
    const changed = lockedComponent('oci:layouts:edge', {
      'org.opencontainers.image.source': 'https://git.example.com/tools',
      'org.opencontainers.image.revision': `${commit}-dirty`,
    });
    const { packages, creationInfo } = await documentOf(lockOf({ a_b: changed, engine: told }), [
      { source: 'engine', entries: [file('engine/x')] },
    ]);
    expect(creationInfo).toEqual({ created: '2026-03-01T00:30:00Z', creators: ['Tool: engineshed'] });
    const [, working, engine] = packages;
    expect(engine).toMatchObject({
      SPDXID: 'SPDXRef-Component-engine',
      name: 'engine',
      versionInfo: '1.2.0',
      downloadLocation: `git+https://github.com/Acme/Engine@${commit}`,
      licenseComments: 'Its image says: Apache-2.0',
      builtDate: '2026-02-28T10:00:00Z',
      checksums: [{ algorithm: 'SHA256', checksumValue: told.manifest.digest.slice(7) }],
      externalRefs: [
        {
          referenceLocator: `pkg:oci/engine@sha256%3A${told.manifest.digest.slice(7)}?repository_url=registry.example.com:5000/acme/engine&tag=edge`,
        },
        { referenceLocator: `pkg:github/acme/engine@${commit}` },
      ],
    });
    expect(engine.sourceInfo).toMatch(/in the release the layer sha256:[0-9a-f]{64}; revision c0ffee0/);
    // What nobody else has at that revision can be downloaded from nowhere.
    expect(working).toMatchObject({
      SPDXID: 'SPDXRef-Component-a.5Fb',
      versionInfo: `${commit}-dirty`,
      downloadLocation: 'NOASSERTION',
      externalRefs: [{ referenceLocator: `pkg:oci/a_b@sha256%3A${changed.manifest.digest.slice(7)}` }],
    });
  });

  it('keeps names apart that are not UTF-8', async () => {
    const names = [
      Buffer.from('e/a\xff', 'latin1'),
      Buffer.from('e/a\xfe', 'latin1'),
      Buffer.from('e/\u00ff "x"'),
    ];
    const { files } = await documentOf(lockOf({ e: lockedComponent('oci:e:1') }), [
      { entries: names.map((name) => file(name, 'x')) },
    ]);
    expect(files.map(({ fileName }: { fileName: string }) => fileName).sort()).toEqual([
      './e/a\\xfe',
      './e/a\\xff',
      './e/\u00ff "x"',
    ]);
    expect(new Set(files.map(({ SPDXID }: { SPDXID: string }) => SPDXID)).size).toBe(3);
  });

  it('is refused where a layer is not what the image says', async () => {
    const lock = lockOf({ engine: lockedComponent('oci:e:1') });
    const { target, image } = await releaseImage(lock, [{ entries: [file('engine/x')] }]);
    const lying: Target = {
      ...target,
      fetch: async (descriptor) => {
        const stream = await target.fetch(descriptor);
        return descriptor.digest === image.manifest.layers[0]?.digest
          ? (async function* () {
              for await (const chunk of stream) yield Buffer.from(chunk).fill(0);
            })()
          : stream;
      },
    };
    await expect(releaseSbom(lying, image, lock, silent)).rejects.toMatchObject({ kind: 'data' });
  });

  it('is attached once, and told from what others attach', async () => {
    const lock = lockOf({ engine: lockedComponent('oci:e:1') });
    const { target, image } = await releaseImage(lock, [{ entries: [file('engine/x')] }]);
    const sbom = await releaseSbom(target, image, lock, silent);
    const subject = image.descriptor;
    await pushArtifact(target, subject, 'application/spdx+json', { by: 'somebody else' });
    expect(await isSbomAttached(target, subject, sbom)).toBe(false);
    const inputs = { subject, name: 'product', created: undefined };
    const first = await attachSbom(target, sbom, inputs);
    expect(await attachSbom(target, sbom, inputs)).toEqual(first);
    expect(await isSbomAttached(target, subject, sbom)).toBe(true);
    expect(await referrersOf(target, subject, 'application/spdx+json')).toHaveLength(2);
  });
});
