import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createLayout, streamOf } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { buildImage, describe, digestOf, mediaTypes } from '../../src/oci/index.js';
import { basicAuthentication, cutBody, ScriptedRegistry } from '../../src/testing/index.js';
import type { User } from '../acceptance/user.js';
import { components, publishProduct } from '../support/product.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';

/** A command that changes something, given in a certain situation. */
export interface Change {
  readonly command: readonly string[];
  readonly input?: string;
  /** What may be active while it runs and whenever it ends, null is nothing. */
  readonly active: readonly (string | null)[];
  /** The exit statuses that it may have when it is given once more; 0 unless told. */
  readonly again?: readonly number[];
  /** The exit status of a call that fails, where it is not that of the error's kind. */
  readonly failed?: number;
  /** Ends what the situation needs beside its files. */
  readonly close?: () => Promise<void>;
}

const first = 'hello-1.0.0';
const second = 'hello-2.0.0';

/** Makes the situation out of a user's empty home. */
type Prepare = (user: User) => Promise<Change>;

/** Every change that is walked through, by what it does. */
export const changes: Readonly<Record<string, Prepare>> = {
  'install, the first': async (user) => {
    await publishProduct(user);
    return { command: ['install', first], active: [null, first] };
  },
  install: async (user) => {
    await installed(user, first);
    return { command: ['install', second, '--use'], active: [first, second] };
  },
  'install, what has moved': async (user) => {
    await followed(user);
    return { command: ['install', 'hello'], active: ['hello'] };
  },
  'install, several layers': async (user) => {
    await installed(user, first);
    await publishLayers(user);
    return { command: ['install', 'oci:images/layered:1', '--name', 'layered'], active: [first] };
  },
  'install from a registry': async (user) => {
    await installed(user, first);
    const { registry, image } = await published(user);
    return { command: ['install', image, '--name', 'large'], active: [first], close: () => registry.close() };
  },
  'install, interrupted before': async (user) => {
    await installed(user, first);
    const { registry, image } = await published(user);
    const command = ['install', image, '--name', 'large'];
    await interruptDownload(user, registry, command);
    return { command, active: [first], close: () => registry.close() };
  },
  'install, a damaged state': async (user) => {
    await installed(user, first);
    const { id } = await user.json(['show', first]);
    appendFileSync(`${user.store}/engines/${first}/${id}/env`, '# not ours\n');
    return { command: ['install', first], active: [first] };
  },
  use: async (user) => {
    await installed(user, first, second);
    return { command: ['use', second], active: [first, second] };
  },
  uninstall: async (user) => {
    await installed(user, first, second);
    return { command: ['uninstall', second], active: [first], again: [0, 66] };
  },
  'uninstall the active one': async (user) => {
    await installed(user, first, second);
    return { command: ['uninstall', first, '--force'], active: [first, null], again: [0, 66] };
  },
  gc: async (user) => {
    await followed(user);
    await user.output(['install', 'hello']);
    await user.output(['install', first]);
    return { command: ['gc', '--keep', '1', '--unused-for', '0h'], active: ['hello'] };
  },
  rollback: async (user) => {
    await followed(user);
    await user.output(['install', 'hello']);
    await user.output(['install', second, '--use']);
    return { command: ['rollback', '--to', '1'], active: ['hello', second] };
  },
  'publish to a layout': async (user) => {
    await publishProduct(user);
    return {
      command: ['publish', 'components/engine', 'oci:images/engine:1.0.0', '--tag', 'edge'],
      active: [null],
    };
  },
  'publish to a new layout': async (user) => {
    cpSync('examples/hello', user.work, { recursive: true });
    return { command: ['publish', 'components/engine', 'oci:new/images:1'], active: [null] };
  },
  'publish to a registry': async (user) => {
    cpSync('examples/hello', user.work, { recursive: true });
    const registry = await ScriptedRegistry.start();
    const command = ['publish', 'components/engine', `${registry.host}/acme/engine:1`];
    return { command, active: [null], close: () => registry.close() };
  },
  copy: async (user) => {
    await publishProduct(user);
    return { command: ['copy', 'oci:images/engine:2.0.0', 'oci:copies:2'], active: [null] };
  },
  export: async (user) => {
    await installed(user, first, second);
    await user.output(['export', second, 'engine.tar']);
    return { command: ['export', first, 'engine.tar', '--replace'], active: [first] };
  },
  import: async (user) => {
    await installed(user, first, second);
    await user.output(['export', second, 'engine.tar']);
    await user.output(['uninstall', second]);
    return { command: ['import', 'engine.tar', '--use'], active: [first, second] };
  },
  login: async (user) => {
    const registry = await ScriptedRegistry.start();
    registry.script(basicAuthentication({ ada: 'lovelace' }));
    const login = (name: string) => ['login', name, '--username', 'ada', '--password-stdin'];
    await user.output(login(registry.host), { input: 'lovelace\n' });
    const command = login(`${registry.host}/acme`);
    // Whatever keeps a credential file from being read, it cannot be used.
    return { command, input: 'lovelace\n', active: [null], failed: 77, close: () => registry.close() };
  },
};

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

async function installed(user: User, ...names: readonly string[]): Promise<void> {
  await publishProduct(user);
  for (const name of names) await user.output(['install', name]);
}

/** An engine `hello` that follows a tag is installed and active, and the tag has moved since. */
async function followed(user: User): Promise<void> {
  await publishProduct(user);
  appendFileSync(`${user.work}/engineshed.toml`, following);
  for (const [version, step] of [
    ['1.0.0', 'install'],
    ['2.0.0', 'leave'],
  ]) {
    for (const name of components)
      await user.output(['copy', `oci:images/${name}:${version}`, `oci:images/${name}:edge`]);
    if (step === 'install') await user.output(['install', 'hello']);
  }
}

/** An image of three layers, with links, whiteouts and a directory that is not to be written to. */
async function publishLayers(user: User): Promise<void> {
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
async function published(user: User): Promise<{ registry: ScriptedRegistry; image: string }> {
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
async function interruptDownload(
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
