import { describe, expect, it } from 'vitest';
import { streamOf, type Target } from '../../src/content/index.js';
import { EngineshedError } from '../../src/errors/index.js';
import { buildArtifact, type Descriptor, describe as describeBytes } from '../../src/oci/index.js';
import { bundleType, formatBundle } from '../../src/trust/bundle.js';
import { signEnvelope } from '../../src/trust/dsse.js';
import {
  attachSigned,
  imageSignatureType,
  readClaimed,
  readSigned,
  channelType as stepType,
  verifyImage,
} from '../../src/trust/index.js';
import { formatStatement, statementType } from '../../src/trust/statement.js';
import { pushArtifact } from '../support/artifact.js';
import { newKey, pushBundle, pushedImage, signatureAnnotations } from '../support/signing.js';

const key = newKey('one.pub');
const created = '2026-01-02T03:04:05Z';
const channelType = 'https://example.com/channel/v1';

const read = (target: Target, subject: Descriptor, keys = [key.public]) =>
  readSigned(target, subject, keys, [imageSignatureType]);

/** A bundle with a statement about an image, by the key. */
function bundleOf(
  subject: Descriptor,
  { payloadType = statementType, predicateType = imageSignatureType, by = key } = {},
): Buffer {
  const payload = formatStatement(subject.digest, 'it', { predicateType, predicate: {} });
  return formatBundle(signEnvelope(payloadType, payload, by), by.public.id);
}

describe('what is signed', () => {
  it('is what the keys signed about that image, of the types that are asked for', async () => {
    const { target, subject } = await pushedImage('one');
    const other = newKey('other.pub');
    const inputs = { subject, name: 'it', created, key };
    const predicate = { step: 3, tags: ['train'] };
    await attachSigned(target, { ...inputs, predicateType: channelType, predicate });
    await attachSigned(target, { ...inputs, predicateType: imageSignatureType, predicate: {}, key: other });
    await pushArtifact(target, subject, 'application/spdx+json');
    const ask = (types: string[]) => readSigned(target, subject, [key.public, other.public], types);
    expect(await ask([channelType])).toMatchObject({
      statements: [{ predicateType: channelType, predicate, signers: [key.public.id], created }],
      refused: [],
    });
    const both = await ask([channelType, imageSignatureType]);
    expect(both.statements.flatMap(({ signers }) => signers).sort()).toEqual(
      [key.public.id, other.public.id].sort(),
    );
    expect(await ask(['https://example.com/none'])).toMatchObject({ statements: [], refused: [] });
  });

  it('F01 is nothing where nothing is attached', async () => {
    const { target, subject } = await pushedImage('one');
    expect(await read(target, subject)).toMatchObject({ statements: [], refused: [] });
  });

  it('F01 does not count by another key, whatever the hint says', async () => {
    const { target, subject } = await pushedImage('one');
    const stranger = newKey('stranger');
    const payload = formatStatement(subject.digest, 'it', {
      predicateType: imageSignatureType,
      predicate: {},
    });
    const envelope = signEnvelope(statementType, payload, stranger);
    await pushBundle(target, subject, formatBundle(envelope, key.public.id));
    expect(await read(target, subject)).toMatchObject({ statements: [], refused: [{ reason: 'signature' }] });
    const honest = await pushedImage('one');
    await pushBundle(
      honest.target,
      honest.subject,
      formatBundle(signEnvelope(statementType, payload, key), stranger.public.id),
    );
    expect((await read(honest.target, honest.subject)).statements).toMatchObject([
      { signers: [key.public.id] },
    ]);
  });

  it('F01 does not count for another image, wherever it is attached', async () => {
    const { target, subject } = await pushedImage('one');
    const other = (await pushedImage('other', target)).subject;
    await pushBundle(target, subject, bundleOf(other));
    expect(await read(target, subject)).toMatchObject({ statements: [], refused: [{ reason: 'subject' }] });
  });

  it('F01 does not count where the list lies, and the manifest refers to another image', async () => {
    const { target, subject } = await pushedImage('one');
    const other = (await pushedImage('other', target)).subject;
    const carrier = await pushBundle(target, other, bundleOf(subject));
    const lying: Target = { ...target, referrers: () => streamOfReferrers([carrier]) };
    expect(await read(lying, subject)).toMatchObject({ statements: [], refused: [{ reason: 'malformed' }] });
  });

  it('F01 does not count as another type, and must be a statement', async () => {
    const { target, subject } = await pushedImage('one');
    await pushBundle(target, subject, bundleOf(subject, { predicateType: channelType }));
    await pushBundle(target, subject, bundleOf(subject, { payloadType: 'application/json' }));
    const { statements, refused } = await read(target, subject);
    expect(statements).toEqual([]);
    expect(refused.map(({ reason }) => reason)).toEqual(['type', 'type']);
    // Only who says nothing of a type is passed over in silence.
    const silent = await pushedImage('one');
    await pushBundle(silent.target, silent.subject, bundleOf(subject, { predicateType: channelType }), {
      annotations: {},
    });
    expect(await read(silent.target, silent.subject)).toMatchObject({ statements: [], refused: [] });
  });

  it('F01 is not looked for in a manifest with two bundles, or with something else', async () => {
    const { target, subject } = await pushedImage('one');
    const bundle = bundleOf(subject);
    const layer = describeBytes(bundleType, bundle);
    const foreign = describeBytes('application/json', bundle);
    for (const layers of [[layer, layer], [layer, foreign], [foreign], []])
      await pushBundle(target, subject, bundle, { layers });
    expect((await read(target, subject)).statements).toEqual([]);
  });

  it('F01 stays found beside broken ones, of which each is told', async () => {
    const { target, subject } = await pushedImage('one');
    await pushBundle(target, subject, bundleOf(subject));
    await pushBundle(target, subject, '{}');
    await pushBundle(target, subject, 'no json');
    await pushBundle(
      target,
      subject,
      JSON.stringify({ ...JSON.parse(bundleOf(subject).toString()), messageSignature: {} }),
    );
    const missing = describeBytes(bundleType, Buffer.from('not there'));
    const carrier = buildArtifact({
      artifactType: bundleType,
      layers: [missing],
      subject,
      annotations: signatureAnnotations,
    });
    await target.push(carrier.descriptor, async () => streamOf(carrier.bytes));
    const { statements, refused } = await read(target, subject);
    expect(statements).toHaveLength(1);
    expect(refused.map(({ reason }) => reason).sort()).toEqual([
      'malformed',
      'malformed',
      'malformed',
      'unsupported',
    ]);
  });

  it('F01 is not what a signed text says that is no statement', async () => {
    const { target, subject } = await pushedImage('one');
    const good = formatStatement(subject.digest, 'it', {
      predicateType: imageSignatureType,
      predicate: {},
    }).toString();
    for (const text of [
      good.replace('Statement/v1', 'Statement/v9'),
      good.replace(/"subject":\[.*?\]/, '"subject":[]'),
      good.replace('"sha256"', '"sha512"'),
      good.replace('"subject":', '"subject":[],"subject":'),
      '[]',
    ])
      await pushBundle(
        target,
        subject,
        formatBundle(signEnvelope(statementType, Buffer.from(text), key), key.public.id),
      );
    const { statements, refused } = await read(target, subject);
    expect(statements).toEqual([]);
    expect(refused).toHaveLength(5);
  });
});

describe('what a place lists', () => {
  it('F03 is opened where it is mislabelled, or has no label', async () => {
    for (const artifactType of ['', 'application/vnd.oci.empty.v1+json', 'application/x']) {
      const { target, subject } = await pushedImage('one');
      const carrier = await pushBundle(target, subject, bundleOf(subject));
      const annotations = artifactType === 'application/x' ? signatureAnnotations : undefined;
      const listed = {
        ...carrier,
        ...(artifactType ? { artifactType } : {}),
        ...(annotations ? { annotations } : {}),
      };
      // As a registry does that believes its own labels: with a filter, nothing is found.
      const place: Target = {
        ...target,
        referrers: (_, type) => streamOfReferrers(type === undefined ? [listed] : []),
      };
      expect((await read(place, subject)).statements, artifactType).toHaveLength(1);
    }
  });

  it('F03 is refused where too many are attached', async () => {
    const { target, subject } = await pushedImage('one');
    // What does not say what it is.
    const silent = { annotations: {} };
    for (let at = 0; at < 200; at++) await pushBundle(target, subject, `${at}`, silent);
    expect((await read(target, subject)).refused).toHaveLength(200);
    await pushBundle(target, subject, bundleOf(subject), silent);
    await expect(read(target, subject)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      hint: expect.any(String),
    });
  });

  it('F03 counts by its newest signatures where there are many, and tells of the rest', async () => {
    const { target, subject } = await pushedImage('one');
    const created = (at: number) => new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString();
    const push = (bundle: string | Buffer, at: number) => {
      const annotations = { ...signatureAnnotations, 'org.opencontainers.image.created': created(at) };
      return pushBundle(target, subject, bundle, { annotations });
    };
    await push(bundleOf(subject), 1);
    for (let at = 0; at < 200; at++) await push(`${at}`, at + 2);
    const hidden = await read(target, subject);
    expect(hidden.statements).toEqual([]);
    expect(hidden.refused).toHaveLength(201);
    expect(hidden.refused[0]).toMatchObject({ reason: 'unread' });
    await expect(
      verifyImage(target, [subject], 'it', { keys: [key.public], threshold: 1 }),
    ).rejects.toMatchObject({ message: expect.stringContaining('older ones are not read') });
    await push(bundleOf(subject), 999);
    expect((await read(target, subject)).statements).toHaveLength(1);
    const verified = await verifyImage(target, [subject], 'it', { keys: [key.public], threshold: 1 });
    expect(verified).toMatchObject({ signers: [{ label: 'one.pub' }], unread: 2 });
    await expect(readClaimed(target, subject, [key.public], [imageSignatureType])).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
  });

  it('F03 counts for a channel that was signed anew each day for years: its newest steps are read', async () => {
    const { target, subject } = await pushedImage('one');
    const inputs = { subject, name: 'it', key, predicateType: stepType };
    const push = async (from: number, to: number) => {
      for (let at = from; at < to; at++) {
        const day = new Date(Date.UTC(2026, 0, 1 + at)).toISOString();
        await attachSigned(target, { ...inputs, predicate: { day }, created: day });
      }
    };
    await push(0, 201);
    await pushBundle(target, subject, bundleOf(subject));
    const ask = (types: string[]) => readSigned(target, subject, [key.public], types);
    const { statements, unread } = await ask([imageSignatureType, stepType]);
    expect(unread).toEqual({ signatures: 0, steps: 1, latestStep: Date.UTC(2026, 0, 1) });
    const days = statements.flatMap(({ predicate }) => (predicate as { day?: string }).day ?? []).sort();
    expect([statements.length, days[0], days.at(-1)]).toEqual([
      201,
      '2026-01-02T00:00:00.000Z',
      '2026-07-20T00:00:00.000Z',
    ]);
    // Whoever signs the next one has to know all of them.
    expect(await readClaimed(target, subject, [key.public], [stepType])).toHaveLength(201);
    const many: Target = {
      ...target,
      async *referrers(...about) {
        for (let at = 0; at < 10; at++) yield* target.referrers(...about);
      },
    };
    await expect(readClaimed(many, subject, [key.public], [stepType])).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
  });

  it('F03 is never fetched where it is too large', async () => {
    const { target, subject } = await pushedImage('one');
    const fetched: string[] = [];
    const place: Target = {
      ...target,
      fetch: (descriptor, options) => {
        fetched.push(descriptor.digest);
        return target.fetch(descriptor, options);
      },
    };
    const large = { ...describeBytes(bundleType, Buffer.from('large')), size: 100 * 1024 * 1024 };
    const carrier = await pushBundle(target, subject, 'x', { layers: [large] });
    const huge = await pushBundle(target, subject, 'x', {
      annotations: { ...signatureAnnotations, more: 'x'.repeat(64 * 1024) },
    });
    const { statements, refused } = await read(place, subject);
    expect(statements).toEqual([]);
    expect(refused.map(({ reason }) => reason)).toEqual(['malformed', 'malformed']);
    expect(fetched).toEqual([carrier.digest]);
    expect(huge.size).toBeGreaterThan(64 * 1024);
  });

  it('F03 is not taken for nothing where the place does not answer', async () => {
    const { target, subject } = await pushedImage('one');
    await pushBundle(target, subject, bundleOf(subject));
    const silent: Target = {
      ...target,
      fetch: async () => {
        throw new EngineshedError('REGISTRY_UNAVAILABLE', 'no answer');
      },
    };
    await expect(read(silent, subject)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });
});

async function* streamOfReferrers(list: readonly Descriptor[]): AsyncGenerator<Descriptor> {
  yield* list;
}
