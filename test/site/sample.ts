import { memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import type { EngineLock } from '../../src/engine/index.js';
import { annotationKeys, buildImage, canonicalJson, type Descriptor, digestOf } from '../../src/oci/index.js';
import {
  attachTestResult,
  type ChannelInputs,
  collectSite,
  planPromotion,
  promote,
  type ReleaseSite,
  testResult,
} from '../../src/release/index.js';
import type { ReadPolicy, SigningKey, TrustedKey } from '../../src/trust/index.js';

/** A component of a release, as its image tells. */
export interface SampleComponent {
  readonly version?: string;
  readonly revision?: string;
  readonly repository?: string;
}

/** A release to make. */
export interface SampleRelease {
  readonly components: Readonly<Record<string, SampleComponent>>;
  readonly description?: string;
  readonly variables?: readonly string[];
}

/** The tests of the sample project. */
const sampleTests = ['installs', 'runs a template', 'finds its plugins'].map((name) => ({
  name,
  command: ['true'],
  timeoutMs: 1000,
  alone: false,
}));

/** Pushes the manifest of a release, without layers: what tells of releases reads none. */
export async function pushRelease(
  target: Target,
  release: SampleRelease,
  created: string,
): Promise<Descriptor> {
  const { config, manifest } = buildImage({
    layers: [],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: {
      [annotationKeys.created]: created,
      [annotationKeys.releaseLock]: canonicalJson(lockOf(release, created)),
    },
    created,
    createdBy: 'a test',
  });
  for (const { descriptor, bytes } of [config, manifest])
    await target.push(descriptor, async () => streamOf(bytes));
  return manifest.descriptor;
}

/** Lets a channel lead to a release. */
export async function lead(
  target: Target,
  channel: ChannelInputs,
  release: Descriptor,
  version: string | undefined,
  time: string,
  reason: 'promote' | 'rollback' = 'promote',
  key?: SigningKey,
): Promise<void> {
  const versionTag = version === undefined ? undefined : channel.pattern?.replace(/\{[a-z]+\}/, version);
  const { name, tag } = channel;
  await promote(
    target,
    await planPromotion(target, {
      release,
      channel: name,
      repository: 'registry.example/acme/base',
      tag,
      versionTag,
      version,
      reason,
      time,
      expires: undefined,
      signing:
        key === undefined ? undefined : { key, known: [], isProof: () => true, seen: 0, latest: undefined },
    }),
  );
}

/** Attaches what the sample tests said. */
export async function recordTests(
  target: Target,
  subject: Descriptor,
  created: string,
  failed: readonly string[] = [],
  key?: SigningKey,
): Promise<void> {
  const outcomes = sampleTests.map(({ name }) => ({
    name,
    passed: !failed.includes(name),
    status: failed.includes(name) ? 1 : 0,
    fault: undefined,
    durationMs: 1,
    output: '',
  }));
  const result = testResult(outcomes);
  await attachTestResult(target, { subject, name: 'a/b', tests: sampleTests, result, created, key });
}

/** The channels of the sample project, newest versions first. */
export function sampleChannels(nights: readonly string[], versions: readonly string[]): ChannelInputs[] {
  return [
    { name: 'stable', tag: 'latest', pattern: '{version}', versions },
    { name: 'nightly', tag: 'nightly', pattern: 'night-{date}', versions: nights },
    { name: 'next', tag: 'next', pattern: undefined, versions: [] },
  ];
}

/** A project of some nights and versions, with one night that failed and one version that was taken back. */
export async function sampleSite(): Promise<ReleaseSite> {
  const target = memoryTarget('registry.example.com/acme/train');
  const nights = ['20260112', '20260111', '20260110', '20260109', '20260108', '20260107'];
  const channels = sampleChannels(
    nights.map((night) => `night-${night}`),
    ['1.2.0', '1.1.0', '1.0.0'],
  );
  const [stable, nightly] = channels as [ChannelInputs, ChannelInputs];
  const releases: Descriptor[] = [];
  for (const [at, night] of [...nights].reverse().entries()) {
    const day = `${night.slice(0, 4)}-${night.slice(4, 6)}-${night.slice(6)}`;
    const release = await pushRelease(
      target,
      { components: componentsAt(at), variables: at > 2 ? ['TRAIN_HOME', 'TRAIN_PLUGINS'] : ['TRAIN_HOME'] },
      `${day}T01:00:00Z`,
    );
    await recordTests(target, release, `${day}T01:30:00Z`, at === 4 ? ['finds its plugins'] : []);
    await lead(target, nightly, release, night, `${day}T02:00:00Z`);
    releases.push(release);
  }
  const promotions = [
    [0, '1.0.0', '2026-01-07T09:00:00Z'],
    [2, '1.1.0', '2026-01-09T09:30:00Z'],
    [5, '1.2.0', '2026-01-12T08:15:00Z'],
  ] as const;
  for (const [at, version, time] of promotions)
    await lead(target, stable, releases[at] as Descriptor, version, time);
  await lead(target, stable, releases[2] as Descriptor, '1.1.0', '2026-01-12T16:40:00Z', 'rollback');
  return collectSample(target, channels);
}

/** Collects what a place has, as the command does. */
export function collectSample(
  target: Target,
  channels: readonly ChannelInputs[],
  limit = 1000,
  keys: readonly TrustedKey[] = [],
  policies: readonly ReadPolicy[] = [],
): Promise<ReleaseSite> {
  return collectSite(target, {
    engine: 'train',
    place: 'registry.example.com/acme/train',
    channels,
    tests: sampleTests,
    policies,
    keys,
    limit,
    report: () => {},
  });
}

function componentsAt(at: number): Record<string, SampleComponent> {
  const revision = (name: string, change: number) => digestOf(Buffer.from(`${name} ${change}`)).slice(7, 47);
  const component = (name: string, change: number, version?: string): SampleComponent => ({
    revision: revision(name, change),
    repository: `https://github.com/acme/${name}`,
    ...(version === undefined ? {} : { version }),
  });
  return {
    engine: component('engine', at, `3.${at}.0`),
    'engine-core': component('engine-core', at < 3 ? 0 : 1, at < 3 ? '2.4.1' : '2.5.0'),
    'executor-bash': component('executor-bash', 0, '1.9.2'),
    'plugin-aws': {
      revision: revision('plugin-aws', Math.floor(at / 2)),
      repository: 'https://gitlab.com/acme/plugins/aws',
    },
    ...(at > 1 ? { 'plugin-azure': component('plugin-azure', 0, '0.1.0') } : { 'plugin-legacy': {} }),
  };
}

function lockOf(
  { components, description = 'Everything that a train needs', variables = [] }: SampleRelease,
  created: string,
): EngineLock {
  const [first = ''] = Object.keys(components);
  return {
    name: 'train',
    description,
    kind: 'custom',
    catalog: 'train',
    sources: Object.fromEntries(
      Object.entries(components).map(([name, component]) => {
        const { version, revision, repository } = component;
        const annotations = Object.entries({
          [annotationKeys.version]: version,
          [annotationKeys.revision]: revision,
          [annotationKeys.source]: repository,
          [annotationKeys.created]: created,
        }).filter((entry): entry is [string, string] => entry[1] !== undefined);
        const digest = digestOf(Buffer.from(JSON.stringify([name, component])));
        const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 400 };
        const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 200 };
        return [
          name,
          {
            kind: 'image' as const,
            reference: `registry.example.com/acme/${name.toLowerCase().replace(/[^a-z0-9-]/g, '')}:edge`,
            resolved: digest,
            manifest,
            config,
            layers: [],
            annotations: Object.fromEntries(annotations),
          },
        ];
      }),
    ),
    parts: [{ type: 'engine', source: first, path: '.' }],
    environment: variables.map((name) => ({ name, kind: 'part' as const, part: 'engine', path: undefined })),
  };
}
