import { describe, expect, it } from 'vitest';
import {
  choosePlatform,
  type Descriptor,
  digestOf,
  type Index,
  mediaTypes,
  nodePlatform,
  parsePlatform,
} from '../../src/oci/index.js';
import { coded } from './coded.js';

describe('platforms', () => {
  const entry = (name: string, os?: string, architecture = 'amd64', more = {}): Descriptor => ({
    mediaType: mediaTypes.imageManifest,
    digest: digestOf(name),
    size: 1,
    annotations: { name },
    ...(os === undefined ? {} : { platform: { os, architecture, ...more } }),
  });
  const index = (...manifests: Descriptor[]): Index => ({ schemaVersion: 2, manifests });
  const choose = (manifests: Descriptor[], os: string, architecture: string, variant?: string) =>
    choosePlatform(index(...manifests), { os, architecture, ...(variant === undefined ? {} : { variant }) })
      .annotations?.name;
  const linux = entry('linux', 'linux');
  const arm64 = entry('arm64', 'linux', 'arm64', { variant: 'v8' });
  const darwin = entry('darwin', 'darwin', 'arm64');
  const any = entry('any');

  it.each<[string, Descriptor[], [string, string, string?], string]>([
    ['the exact one', [linux, arm64, darwin], ['darwin', 'arm64'], 'darwin'],
    [
      'the first of several that fit',
      [entry('one', 'linux'), entry('two', 'linux')],
      ['linux', 'amd64'],
      'one',
    ],
    ['arm64 as arm64/v8', [linux, arm64], ['linux', 'arm64'], 'arm64'],
    [
      'arm as arm/v7',
      [entry('v6', 'linux', 'arm', { variant: 'v6' }), entry('v7', 'linux', 'arm', { variant: 'v7' })],
      ['linux', 'arm'],
      'v7',
    ],
    [
      'the variant that is asked for',
      [entry('v7', 'linux', 'arm', { variant: 'v7' }), entry('v6', 'linux', 'arm', { variant: 'v6' })],
      ['linux', 'arm', 'v6'],
      'v6',
    ],
    [
      'a variant where none is asked for',
      [entry('v3', 'linux', 'amd64', { variant: 'v3' })],
      ['linux', 'amd64'],
      'v3',
    ],
    [
      'the plain one before a variant',
      [entry('v3', 'linux', 'amd64', { variant: 'v3' }), linux],
      ['linux', 'amd64'],
      'linux',
    ],
    ['one without a platform before that of another', [linux, any], ['darwin', 'arm64'], 'any'],
    ['that for the same architecture on Linux', [linux, arm64], ['darwin', 'arm64'], 'arm64'],
    ['that for linux/amd64 at last', [entry('s390x', 'linux', 's390x'), linux], ['darwin', 'arm64'], 'linux'],
    [
      'no attestation',
      [
        {
          ...entry('a', 'linux'),
          annotations: { name: 'a', 'vnd.docker.reference.type': 'attestation-manifest' },
        },
        linux,
      ],
      ['linux', 'amd64'],
      'linux',
    ],
    [
      'nothing of an unknown platform',
      [entry('u', 'unknown', 'unknown'), entry('w', 'windows')],
      ['windows', 'amd64'],
      'w',
    ],
    [
      'the nearest lower variant',
      [
        entry('v5', 'linux', 'arm', { variant: 'v5' }),
        entry('v6', 'linux', 'arm', { variant: 'v6' }),
        entry('v8', 'linux', 'arm', { variant: 'v8' }),
      ],
      ['linux', 'arm', 'v7'],
      'v6',
    ],
    [
      'what an arm64 runs of 32 bits',
      [linux, entry('v6', 'linux', 'arm', { variant: 'v6' }), entry('v7', 'linux', 'arm', { variant: 'v7' })],
      ['linux', 'arm64'],
      'v7',
    ],
    ['386 on amd64', [entry('386', 'windows', '386'), linux], ['windows', 'amd64'], '386'],
    [
      'amd64/v2 for v3, not v4',
      [
        linux,
        entry('v4', 'linux', 'amd64', { variant: 'v4' }),
        entry('v2', 'linux', 'amd64', { variant: 'v2' }),
      ],
      ['linux', 'amd64', 'v3'],
      'v2',
    ],
    [
      'one that asks for no features of the system',
      [entry('win32k', 'windows', 'amd64', { 'os.features': ['win32k'] }), entry('plain', 'windows')],
      ['windows', 'amd64'],
      'plain',
    ],
    ['no artifact', [{ ...any, mediaType: 'application/x' }, linux], ['darwin', 'arm64'], 'linux'],
    ['an index inside', [{ ...linux, mediaType: mediaTypes.imageIndex }], ['linux', 'amd64'], 'linux'],
  ])('B10 chooses %s', (_what, manifests, [os, architecture, variant], name) => {
    expect(choose(manifests, os, architecture, variant)).toBe(name);
  });

  it('B10 chooses the build of Windows', () => {
    const builds = ['10.0.17763.1', '10.0.20348.99'].map((version) =>
      entry(version, 'windows', 'amd64', { 'os.version': version }),
    );
    const wanted = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2700' };
    expect(choosePlatform(index(...builds), wanted).annotations?.name).toBe('10.0.20348.99');
  });

  it('B10 lists no attestation among what there is', () => {
    const unknown = entry('a', 'unknown', 'unknown');
    expect(() => choose([unknown, darwin], 'linux', 'amd64')).toThrow(
      coded('PLATFORM_UNMATCHED', 'there is: darwin/arm64'),
    );
    expect(() => choose([unknown, darwin], 'linux', 'amd64')).not.toThrow('unknown');
  });

  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['macos/aarch64', { os: 'darwin', architecture: 'arm64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
  ])('reads the platform %s', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/amd64/', 'a/b/c/d', 'linux/am d64'])(
    'takes "%s" for no platform',
    (text) => {
      expect(() => parsePlatform(text)).toThrow(coded('USAGE', 'is no platform'));
    },
  );

  it('B10 lists what there is where nothing fits', () => {
    expect(() =>
      choose([darwin, entry('w', 'windows', 'arm64', { variant: 'v8' })], 'linux', 'amd64'),
    ).toThrow(
      coded('PLATFORM_UNMATCHED', 'No image for linux/amd64; there is: darwin/arm64, windows/arm64/v8'),
    );
    expect(() => choose([], 'linux', 'amd64')).toThrow(coded('PLATFORM_UNMATCHED', 'none'));
  });

  it.each([
    ['linux', 'x64', 'linux', 'amd64'],
    ['darwin', 'arm64', 'darwin', 'arm64'],
    ['win32', 'ia32', 'windows', '386'],
    ['linux', 's390x', 'linux', 's390x'],
  ])('nodePlatform(%s, %s)', (platform, arch, os, architecture) => {
    expect(nodePlatform(platform, arch)).toEqual({ os, architecture });
  });
});
