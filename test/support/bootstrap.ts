import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildImage, type Descriptor } from '../../src/oci/index.js';
import type { Contents } from '../../src/testing/index.js';
import { type Run, run, type User } from '../acceptance/user.js';
import { peersMissing } from './peers.js';
import { layerOf, type StoredLayer } from './tar-layer.js';

/** The script that installs engines without Node. */
export const script = fileURLToPath(new URL('../../bootstrap/engineshed.sh', import.meta.url));

/** The shells that it is for, with what starts a script in each. */
export const shells = {
  dash: ['dash'],
  bash: ['bash'],
  busybox: ['busybox', 'sh'],
  zsh: ['zsh'],
  mksh: ['mksh'],
};

/** The name of a shell. */
export type Shell = keyof typeof shells;

/** Whether the tests with these programs are to be skipped. */
export const lacks = peersMissing;

const everywhere =
  'awk tar gzip od dd head tail tr sed find mkdir mv rm ln chmod cat ls sleep uname date touch sort cmp cut wc readlink grep cp rmdir ps';

/**
 * The sets of programs that the script is tried with; values are what a name stands for where that is another program.
 * `macos` has the tar, the awk and the sha256 tool of macOS.
 */
export const toolsets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  gnu: { sha256sum: 'sha256sum', sha512sum: 'sha512sum', curl: 'curl' },
  wget: { sha256sum: 'sha256sum', sha512sum: 'sha512sum', wget: 'wget', awk: 'mawk' },
  macos: { tar: 'bsdtar', awk: 'original-awk', shasum: 'shasum', perl: 'perl', curl: 'curl' },
  openssl: { openssl: 'openssl', curl: 'curl' },
  busybox: Object.fromEntries(
    [...everywhere.split(' '), 'sha256sum', 'sha512sum', 'wget'].map((name) => [name, 'busybox']),
  ),
};

/** Makes a directory with the programs of a set and nothing else; returns it, for the PATH. */
export function toolDirectory(home: string, name: string): string {
  const directory = `${home}/tools-${name}`;
  mkdirSync(directory);
  const own = toolsets[name] ?? {};
  const programs = new Map([...everywhere.split(' ').map((tool) => [tool, tool]), ...Object.entries(own)] as [
    string,
    string,
  ][]);
  for (const [tool, stands] of programs) {
    const path = execFileSync('sh', ['-c', `command -v ${stands}`], { encoding: 'utf8' }).trim();
    symlinkSync(path, `${directory}/${tool}`);
  }
  return directory;
}

/** Runs the script as a user. */
export function bootstrap(
  user: User,
  args: readonly string[],
  { shell = 'dash', path, environment = {} }: BootstrapOptions = {},
): Promise<Run> {
  const [program = '', ...first] = shells[shell];
  const found = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  return run(found, [...first, script, ...args], {
    directory: user.work,
    environment: { ...user.environment, ...(path === undefined ? {} : { PATH: path }), ...environment },
  });
}

/** In what the script runs. */
export interface BootstrapOptions {
  readonly shell?: Shell;
  /** The only directory that programs are found in. */
  readonly path?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Puts an image of archives, or of layers as they are stored, lowest first, into a scripted registry; returns the descriptor of its manifest. */
export function addImage(
  contents: Contents,
  repository: string,
  tag: string,
  archives: readonly (Buffer | StoredLayer)[],
  platform = { os: 'linux', architecture: 'amd64' },
): Descriptor {
  const layers = archives.map((archive) => (Buffer.isBuffer(archive) ? layerOf(archive) : archive));
  for (const { bytes } of layers) contents.addBlob(bytes);
  const { config, manifest } = buildImage({ layers, platform, annotations: {}, createdBy: 'test' });
  contents.addBlob(Buffer.from(config.bytes));
  const { mediaType } = manifest.descriptor;
  contents.addManifest(repository, mediaType, Buffer.from(manifest.bytes), tag);
  return manifest.descriptor;
}
