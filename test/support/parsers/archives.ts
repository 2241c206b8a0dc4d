import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type ArchiveKind, openArchive } from '../../../src/content/index.js';
import { decompress } from '../../../src/layer/decompress.js';
import { TarReader } from '../../../src/tar/reader.js';
import * as tar from '../tar-archive.js';
import { type FuzzedParser, image, index, jsonWords, mustBe } from './parser.js';

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

const tarSample = latin1(
  tar.archive(
    tar.directory('d'),
    tar.pax({ path: 'd/long', mtime: '1.5' }),
    tar.file('short', 'content'),
    tar.gnuLong('L', 'l'.repeat(120)),
    tar.symlink('s', 'd'),
    tar.hardlink('h', 'd/long'),
    tar.pax({ comment: 'x' }, 'g'),
  ),
);

const oldArchive = latin1(
  tar.archive(
    tar.file('config.json', image.config.bytes as Buffer),
    tar.file('l/layer.tar', 'layer'),
    tar.symlink('m/layer.tar', '../l/layer.tar'),
    tar.file(
      'manifest.json',
      JSON.stringify([{ Config: 'config.json', RepoTags: ['acme/x:1'], Layers: ['m/layer.tar'] }]),
    ),
  ),
);

const newArchive = latin1(
  tar.archive(
    tar.file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    tar.file('index.json', index),
    tar.file(`blobs/sha256/${image.manifest.descriptor.digest.slice(7)}`, image.manifest.bytes as Buffer),
  ),
);

/** A frame of "hello\n" in one segment, alone and behind one that is to be skipped. */
const zstdSamples = [
  '28b52ffd200631000068656c6c6f0a',
  '502a4d18040000006162636428b52ffd200631000068656c6c6f0a',
].map((hex) => latin1(Buffer.from(hex, 'hex')));

/** How an archive can be refused. */
const archiveCodes = [
  'ARCHIVE_INVALID',
  'MANIFEST_INVALID',
  'JSON_INVALID',
  'MEDIA_TYPE_UNSUPPORTED',
  'REFERENCE_NOT_FOUND',
  'CONTENT_NOT_FOUND',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
] as const;

/** Hostile archives, and what they are packed in. */
export const archivesParsers: readonly FuzzedParser[] = [
  {
    name: 'A tar archives',
    samples: [tarSample, oldArchive],
    words: ['ustar\0' + '00', 'path=', '\0'.repeat(512), '0000777\0', '\x80\0\0\0'],
    codes: ['LAYER_INVALID', 'LAYER_UNSAFE'],
    bytes: true,
    run(input) {
      let [due, given] = [0, 0];
      const reader = new TarReader({
        entry: ({ size }) => {
          mustBe(Number.isSafeInteger(size) && size >= 0, `a size of ${size}`);
          due += size;
        },
        data: (_, start, end) => {
          given += end - start;
        },
        endFile: () => {},
      });
      const bytes = Buffer.from(input, 'latin1');
      for (let at = 0; at < bytes.length; at += 700) reader.push(bytes.subarray(at, at + 700));
      reader.end();
      mustBe(due === given, `${due} bytes were announced and ${given} came`);
    },
  },
  {
    name: 'A gzip members',
    samples: [latin1(gzipSync('content'.repeat(500))), latin1(Buffer.concat([gzipSync('a'), gzipSync('b')]))],
    words: ['\x1f\x8b\x08', latin1(gzipSync(''))],
    codes: ['LAYER_INVALID'],
    bytes: true,
    run: (input) => unpack(input, 'gzip'),
  },
  {
    name: 'A oci-archives',
    samples: [newArchive],
    words: jsonWords,
    codes: archiveCodes,
    bytes: true,
    run: (input, scratch) => readArchive('oci-archive', input, scratch),
  },
  {
    name: 'A docker-archives',
    samples: [oldArchive, newArchive],
    words: jsonWords,
    codes: archiveCodes,
    bytes: true,
    run: (input, scratch) => readArchive('docker-archive', input, scratch),
  },
  ...('createZstdDecompress' in (await import('node:zlib')).default
    ? [
        {
          name: 'A zstd frames',
          samples: zstdSamples,
          words: ['\x28\xb5\x2f\xfd', '\x50\x2a\x4d\x18\x04\0\0\0abcd'],
          codes: ['LAYER_INVALID' as const],
          bytes: true,
          run: (input: string) => unpack(input, 'zstd'),
        },
      ]
    : []),
];

async function readArchive(kind: ArchiveKind, input: string, scratch: string): Promise<void> {
  writeFileSync(scratch, input, 'latin1');
  const archive = openArchive(kind, scratch, 'the archive');
  for await (const tag of archive.tags()) await archive.resolve(tag);
  await archive.images?.();
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function unpack(input: string, compression: 'gzip' | 'zstd'): Promise<void> {
  let size = 0;
  for await (const chunk of decompress(once(Buffer.from(input, 'latin1')), compression)) {
    size += chunk.length;
    if (size > 64 * 1024 * 1024) return;
  }
}
