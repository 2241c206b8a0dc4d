import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createLayout, streamOf } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { buildImage, describe, digestOf, mediaTypes } from '../../src/oci/index.js';
import { cutBody, ScriptedRegistry } from '../../src/testing/index.js';
import type { User } from '../acceptance/user.js';
import { components, publishProduct } from '../support/product.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';

/** The catalog's entry of an engine `hello` that follows the tag `edge` of each component. */
export const following: string = [
  '',
  '[engines.hello]',
  'description = "Follows"',
  'environment = "hello"',
  '[engines.hello.sources]',
  ...components.map((name) => `${name} = { layout = "images/${name}:edge" }`),
  '[engines.hello.parts]',
  ...components.map((name) => `${name} = { source = "${name}" }`),
  '',
].join('\n');

/** Publishes the example and installs some of its engines, of which the first is active. */
export async function installed(user: User, ...names: readonly string[]): Promise<void> {
  await publishProduct(user);
  for (const name of names) await user.output(['install', name]);
}

/**
 * An engine is installed, and so is one of several layers; then a file of each layer and the environment of a state are changed, so that
 * the executor says something else.
 */
export async function damaged(user: User, name: string): Promise<void> {
  await installed(user, name);
  await publishLayers(user);
  await user.output(['install', 'oci:images/layered:1', '--name', 'layered']);
  const script =
    'for file; do chmod u+w "$file" && echo "echo damaged" >> "$file" && chmod u-w "$file"; done';
  const { id } = await user.json(['show', 'layered']);
  const files = ['bin/hello.sh', 'templates/greeting.txt', 'plugin.sh', 'run', 'closed/file', 'bin/run'];
  const places = files.map((file) => `"$0"/layers/sha256/*/[a-z]*/${file}`).join(' ');
  execFileSync('sh', ['-c', `set -- ${places} "$0/engines/layered/${id}/env"; ${script}`, user.store]);
}

/** An engine `hello` that follows a tag is installed and active, and the tag has moved since. */
export async function followed(user: User): Promise<void> {
  await publishProduct(user);
  appendFileSync(`${user.work}/engineshed.toml`, following);
  await moved(user, '1.0.0');
  await user.output(['install', 'hello']);
  await moved(user);
}

/** The tag that `hello` follows moves. */
export async function moved(user: User, version = '2.0.0'): Promise<void> {
  for (const name of components)
    await user.output(['copy', `oci:images/${name}:${version}`, `oci:images/${name}:edge`]);
}

/** The same engine is that of a project, which has no lock yet, and the tag has not moved. */
export async function inProject(user: User): Promise<void> {
  await publishProduct(user);
  const file = `${user.work}/engineshed.toml`;
  writeFileSync(file, `engine = "hello"\n${readFileSync(file, 'utf8')}${following}`);
  await moved(user, '1.0.0');
}

/** An engine is installed, and a working copy says what it says. */
export async function linkable(user: User): Promise<void> {
  await installed(user, 'hello-1.0.0');
  cpSync('examples/hello/components/engine', `${user.work}/components/engine`, { recursive: true });
}

/** What is built has the same time in it whenever it is built. */
export const releaseEnvironment = { SOURCE_DATE_EPOCH: '1700000000' };

/** Components that can be released, or a release of them, which may have passed its tests. */
export async function released(user: User, state: 'components' | 'built' | 'tested'): Promise<void> {
  await publishProduct(user);
  const release = `
[release]
engine = "hello"
layout = "images/base"

[release.channels]
train = { tag = "latest", versions = "{version}" }

[[release.test]]
name = "greets"
command = ["sh", "-c", '"$HELLO_EXECUTOR" Ada | grep "Ada"']
`;
  appendFileSync(`${user.work}/engineshed.toml`, `${following}${release}`);
  await moved(user, '1.0.0');
  const options = { environment: releaseEnvironment };
  if (state !== 'components') await user.output(['release', 'build', '--tag', 'candidate'], options);
  if (state === 'tested') await user.output(['release', 'test', 'candidate'], options);
}

/** A release that is signed and promoted, and an engine `train` that follows it under a policy which asks for that. */
export async function governed(user: User): Promise<void> {
  await released(user, 'tested');
  const environment = { ...releaseEnvironment, ENGINESHED_SIGNING_PASSWORD: 'correct horse' };
  const key = ['--key', 'acme.key'];
  await user.output(['trust', 'generate-key-pair', 'acme'], { environment });
  await user.output(['trust', 'sign', 'oci:images/base:candidate', ...key], { environment });
  const promote = ['release', 'promote', 'candidate', 'train', '--version', '1.0.0'];
  await user.output([...promote, ...key], { environment });
  const policy = `
[engines.train.sources]
base = { layout = "images/base:latest" }

[trust.acme]
engines = ["train"]
keys = ["acme.pub"]
channel = true
`;
  appendFileSync(`${user.work}/engineshed.toml`, policy);
}

/** An image of three layers, with links, whiteouts and a directory that is not to be written to. */
export async function publishLayers(user: User): Promise<void> {
  const archives = [
    archive(
      directory('bin'),
      file('bin/run', 'one', { mode: 0o755 }),
      file('old', 'gone'),
      directory('deep/er'),
    ),
    archive(
      directory('closed', { mode: 0o555 }),
      file('closed/file', 'x'),
      hardlink('closed/same', 'closed/file'),
      file('.wh.old'),
    ),
    archive(
      symlink('run', 'bin/run'),
      file('bin/run', 'three', { mode: 0o755 }),
      file('deep/er/.wh..wh..opq'),
    ),
  ];
  const layout = createLayout(`${user.work}/images/layered`, ownerOf(process.pid));
  const layers = [];
  for (const bytes of archives) {
    const blob = gzipSync(bytes);
    const descriptor = describe(mediaTypes.layerTarGzip, blob);
    await layout.push(descriptor, async () => streamOf(blob));
    layers.push({ descriptor, diffId: digestOf(bytes) });
  }
  const platform = { os: 'linux', architecture: 'amd64' };
  const { config, manifest } = buildImage({
    layers,
    platform,
    annotations: {},
    created: undefined,
    createdBy: 'test',
  });
  for (const { descriptor, bytes } of [config, manifest])
    await layout.push(descriptor, async () => streamOf(bytes));
  await layout.tag(manifest.descriptor, '1');
}

/** A registry with an image whose layer is large enough to be kept when its download is interrupted. */
export async function published(user: User): Promise<{ registry: ScriptedRegistry; image: string }> {
  const registry = await ScriptedRegistry.start();
  mkdirSync(`${user.work}/large`);
  // Cannot be compressed, and is the same each time.
  let state = 1;
  const noise = Buffer.alloc(2_500_000);
  for (let at = 0; at < noise.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    noise[at] = state >> 16;
  }
  writeFileSync(`${user.work}/large/noise`, noise);
  for (let at = 0; at < 5; at++) writeFileSync(`${user.work}/large/file-${at}`, `${at}`);
  const image = `${registry.host}/acme/large:1`;
  await user.output(['publish', 'large', image]);
  return { registry, image };
}

/** Lets a download break off when much of the layer has arrived. */
export async function interruptDownload(
  user: User,
  registry: ScriptedRegistry,
  command: readonly string[],
): Promise<void> {
  const isLayer = ({ path }: { readonly path: string }) => path === largest(registry);
  let isGone = true;
  registry.script((request, response) => {
    if (!isGone || !isLayer(request)) return undefined;
    response.writeHead(404).end();
    return 'handled';
  });
  registry.script(cutBody({ after: 1_500_000, times: 1, which: isLayer }));
  const { status } = await user.engineshed(command);
  isGone = false;
  if (status === 0) throw new Error('The download was not interrupted');
}

function largest({ contents }: ScriptedRegistry): string {
  const [[digest] = ['']] = [...contents.blobs].sort(([, a], [, b]) => b.byteLength - a.byteLength);
  return `/v2/acme/large/blobs/${digest}`;
}
