import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { components } from '../support/product.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { newUser, type User } from './cli.js';

const example = fileURLToPath(new URL('../../examples/hello', import.meta.url));
/** What signing commands are run with. */
export const environment = { ENGINESHED_SIGNING_PASSWORD: 'correct horse', USER: 'ada' };
/** The publisher's key, as a flag. */
export const key = ['--key', 'acme.key'];

/** A registry with the components of the example, and the publisher of their releases with a pair of keys. */
export async function publisherOf(more = '') {
  const publisher = newUser();
  const directory = `${publisher.home}/registry`;
  mkdirSync(directory);
  const registry = await startRealRegistry({ directory });
  onTestFinished(() => registry.close());
  const base = `${registry.host}/acme/base`;
  cpSync(example, publisher.work, { recursive: true });
  await publisher.output(['trust', 'generate-key-pair', 'acme'], { environment });
  writeFileSync(
    `${publisher.work}/engineshed.toml`,
    `
[engines.hello.sources]
${components.map((name) => `${name} = { image = "${registry.host}/acme/${name}:edge" }`).join('\n')}

[release]
engine = "hello"
image = "${base}"

[release.channels]
train = { tag = "latest", versions = "{version}", valid-days = 30 }
${more}`,
  );
  for (const name of components)
    await publisher.output(['publish', `components/${name}`, `${registry.host}/acme/${name}:edge`]);
  const change = async (text: string) => {
    writeFileSync(`${publisher.work}/components/engine/changed`, text);
    await publisher.output(['publish', 'components/engine', `${registry.host}/acme/engine:edge`]);
  };
  const build = async () => (await publisher.json(['release', 'build'])).digest as string;
  const sign = (digest: string) =>
    publisher.json(['trust', 'sign', `${base}@${digest}`, ...key], { environment });
  const promote = (digest: string, version: string, ...flags: string[]) =>
    publisher.json(['release', 'promote', digest, 'train', '--version', version, ...flags], { environment });
  /** What somebody does who may write to the registry, and has no key. */
  const moveTag = async (tag: string, digest: string) => {
    const manifests = `http://${registry.host}/v2/acme/base/manifests`;
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const found = await fetch(`${manifests}/${digest}`, { headers: { accept } });
    const put = await fetch(`${manifests}/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': accept },
      body: Buffer.from(await found.arrayBuffer()),
    });
    expect(put.status).toBe(201);
  };
  return { publisher, base, change, build, sign, promote, moveTag };
}

/** A user whose own file asks for the signatures of that publisher. */
export function clientOf(publisher: User, base: string, policy = 'channel = true'): User {
  const client = newUser();
  const config = `${client.home}/.config/engineshed`;
  mkdirSync(config, { recursive: true });
  cpSync(`${publisher.work}/acme.pub`, `${config}/acme.pub`);
  writeFileSync(
    `${config}/engineshed.toml`,
    `
[engines.train.sources]
base = { image = "${base}:latest" }

[trust.acme]
engines = ["train"]
images = ["${base}"]
keys = ["acme.pub"]
${policy}
`,
  );
  return client;
}

/** What a command is refused with. */
export async function refusal(user: User, ...args: string[]) {
  const { status, stdout, stderr } = await user.engineshed([...args, '--json'], { environment });
  const { error } = JSON.parse(stdout || stderr.trim().split('\n').at(-1) || '{}');
  return { status, code: error.code as string, message: error.message as string, hint: error.hint as string };
}
