import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { spdxPython, spdxSchema } from '../../scripts/spdx-peer.mjs';
import { releaseSbom } from '../../src/release/index.js';
import { newUser } from '../acceptance/cli.js';
import { peersRequired } from '../support/peers.js';
import { components, publishProduct } from '../support/product.js';
import { lockedComponent, lockOf, releaseImage } from '../support/release-image.js';
import { file, symlink } from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const skipped = !peersRequired && !existsSync(spdxSchema);

/** Reads a document with SPDX's own tools, and gives what they find wrong and how much they found. */
const judge = `
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
document = parse_file(sys.argv[1])
for message in validate_full_spdx_document(document):
    print(message.validation_message)
print(len(document.packages), 'packages', len(document.files), 'files')
`;

function judged(text: string): string {
  const path = `${temporaryDirectory()}/release.spdx.json`;
  writeFileSync(path, text);
  return execFileSync(spdxPython, ['-c', judge, path], { encoding: 'utf8' }).trim();
}

/** By the JSON schema of SPDX 2.3, as SPDX publishes it. */
function schemaFaults(text: string): unknown {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(spdxSchema, 'utf8')));
  validate(JSON.parse(text));
  return validate.errors ?? [];
}

describe.skipIf(skipped)('a bill of materials is valid SPDX 2.3', () => {
  it('of a release', async () => {
    const user = newUser();
    await publishProduct(user);
    const sources = components.map((name) => `${name} = { layout = "images/${name}:1.0.0" }`).join('\n');
    writeFileSync(
      `${user.work}/engineshed.toml`,
      `[engines.hello.sources]\n${sources}\n[release]\nengine = "hello"\nlayout = "images/base"\n`,
    );
    for (const flags of [[], ['--squash']]) {
      const { digest } = await user.json(['release', 'build', ...flags]);
      const text = await user.output(['release', 'sbom', digest]);
      expect([schemaFaults(text), judged(text)]).toEqual([[], '4 packages 5 files']);
    }
  });

  it('with all that a component can tell, and names as odd as a layer has them', async () => {
    const annotations = {
      'org.opencontainers.image.source': 'https://github.com/Acme/Engine',
      'org.opencontainers.image.revision': 'c0ffee'.padEnd(40, '0'),
      'org.opencontainers.image.version': '1.2.0',
      'org.opencontainers.image.licenses': 'whatever "this" is',
      'org.opencontainers.image.created': '2026-02-28T10:00:00+01:00',
    };
    const elsewhere = { ...annotations, 'org.opencontainers.image.source': 'https://git.example.com/a/b' };
    const lock = {
      ...lockOf({
        a_b: lockedComponent('example.com:5000/acme/engine:edge', annotations),
        'a.b': lockedComponent('oci:layout with space:x', elsewhere),
        empty: lockedComponent('example.com/acme/empty@sha256:'.padEnd(94, 'a')),
      }),
      description: 'Says "hello"',
    };
    const { target, image } = await releaseImage(lock, [
      {
        source: 'a_b',
        entries: [
          file(Buffer.from('a_b/\xff\xfe', 'latin1'), 'x'),
          file('a_b/\u00e9\u{1f600} "quoted" # % &'),
          file('a_b/-n'),
          symlink('a_b/link', '-n'),
        ],
      },
      { source: 'a.b', entries: [file('a.b/-n'), file('.engineshed/engineshed.lock', '{}')] },
    ]);
    const sbom = await releaseSbom(target, image, lock, () => {});
    const text = Buffer.concat([...sbom.bytes()]).toString();
    expect([schemaFaults(text), judged(text)]).toEqual([[], '4 packages 5 files']);
  });

  it('and these judges do find faults', () => {
    const wrong = JSON.stringify({
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: 'x',
      documentNamespace: 'https://example.com/x',
      creationInfo: { created: '2026-01-01T00:00:00Z', creators: ['Tool: x'] },
      packages: [{ SPDXID: 'SPDXRef-a', name: 'a', downloadLocation: 'nowhere' }],
    });
    expect(judged(wrong)).toContain('download_location');
    expect(schemaFaults(wrong.replace('"downloadLocation"', '"location"'))).not.toEqual([]);
  });
});
