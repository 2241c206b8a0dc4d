import { expect, it } from 'vitest';
import { resolveReference } from '../../src/content/index.js';
import {
  captivePortal,
  endlessPages,
  failWith,
  noAnswer,
  type RecordedRequest,
  type Script,
  type ScriptedRegistry,
} from '../../src/testing/index.js';
import { addImage } from '../support/bootstrap.js';
import { reference, scripted, target } from '../support/registry-client.js';
import { archive, file } from '../support/tar-archive.js';

const isList = ({ kind }: RecordedRequest) => kind === 'tags';

async function prepared(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  for (const tag of ['1.0.0', 'release-candidate', 'edge'])
    addImage(registry.contents, 'acme/engine', tag, [archive(file('tag', tag))]);
  return registry;
}

/** The error of a tag that is not there, and how often the tags were asked for. */
async function failure(registry: ScriptedRegistry, tag: string) {
  const asked = resolveReference(target(registry, { limits: { idleMs: 30_000 } }), {
    ...reference(registry.host),
    tag,
  });
  const error = await asked.then(
    () => undefined,
    (thrown) => thrown,
  );
  return { error, lists: registry.requests.filter(isList).length };
}

it('a tag that is not there is answered with one that is nearly the same, of one request', async () => {
  const registry = await prepared();
  expect(await failure(registry, 'relaese-candidate')).toMatchObject({
    error: {
      code: 'REFERENCE_NOT_FOUND',
      message: expect.stringContaining(`${registry.host}/acme/engine:relaese-candidate`),
      hint: expect.stringMatching(/^Did you mean "release-candidate"\? See which tags there are/),
    },
    lists: 1,
  });
  expect((await failure(registry, 'something-else')).error.hint).toMatch(/^See which tags there are/);
  await expect(
    resolveReference(target(registry), { ...reference(registry.host), tag: 'edge' }),
  ).resolves.toBeDefined();
  expect(registry.requests.filter(isList)).toHaveLength(2);
});

it.each<[string, Script]>([
  ['cannot be listed', failWith({ which: isList, status: 500 })],
  ['may not be listed', failWith({ which: isList, status: 403 })],
  ['are asked for too often', failWith({ which: isList, status: 429, retryAfter: '3600' })],
  ['are a web page', captivePortal({ which: isList })],
  ['do not end', endlessPages()],
  ['are not told at all', noAnswer({ which: isList })],
])('where the tags %s, the error is that of the tag, after one request', async (_, script) => {
  const registry = await prepared();
  registry.script(script);
  const { error, lists } = await failure(registry, 'relaese-candidate');
  expect(error).toMatchObject({
    code: 'REFERENCE_NOT_FOUND',
    hint: expect.stringMatching(/^See which tags there are/),
  });
  expect(lists).toBe(1);
});
