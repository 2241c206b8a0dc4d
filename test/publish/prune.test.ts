import { describe, expect, it, onTestFinished } from 'vitest';
import { createLayout, type Reporter, streamOf, type Target } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import {
  annotationKeys,
  branchTag,
  buildImage,
  buildIndex,
  type Descriptor,
  nodePlatform,
  parsePlatform,
} from '../../src/oci/index.js';
import { type PruneRules, planPrune, prune } from '../../src/publish/index.js';
import { failWith, type ScriptedRegistry } from '../../src/testing/index.js';
import { pushArtifact } from '../support/artifact.js';
import { recorder, scripted, target } from '../support/registry-client.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';

const { report } = recorder();
const options: { platform: ReturnType<typeof nodePlatform>; report: Reporter } = {
  platform: nodePlatform('linux', 'x64'),
  report,
};

/** Pushes a small image and tags it; the same annotations give the same image. */
async function image(to: Target, tags: string[], created?: string, more = {}): Promise<Descriptor> {
  const { config, manifest } = buildImage({
    layers: [],
    platform: parsePlatform('linux/amd64'),
    annotations: { ...(created === undefined ? {} : { [annotationKeys.created]: created }), ...more },
    createdBy: 'a test',
  });
  for (const { descriptor, bytes } of [config, manifest])
    await to.push(descriptor, async () => streamOf(bytes));
  for (const tag of tags) await to.tag(manifest.descriptor, tag);
  return manifest.descriptor;
}

async function index(to: Target, of: Descriptor, tag: string): Promise<Descriptor> {
  const { descriptor, bytes } = buildIndex([{ descriptor: of, platform: parsePlatform('linux/amd64') }], {});
  await to.push(descriptor, async () => streamOf(bytes));
  await to.tag(descriptor, tag);
  return descriptor;
}

async function run(to: Target, rules: PruneRules) {
  const { removed, kept } = await prune(to, await planPrune(to, rules, options), report);
  return {
    removed: removed.map(({ tag }) => tag),
    kept: Object.fromEntries(kept.map(({ tag, because }) => [tag, because])),
  };
}

async function tagsOf(to: Target): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of to.tags()) tags.push(tag);
  return tags.sort();
}

/** A registry that takes digests only, as the CNCF registry before version 3. */
function byDigestOnly(registry: ScriptedRegistry): void {
  registry.script(
    failWith({
      which: ({ method, reference }) => method === 'DELETE' && !reference.includes(':'),
      status: 400,
      code: 'DIGEST_INVALID',
    }),
  );
}

const places: [string, () => Promise<Target>][] = [
  ['a registry that removes tags', async () => target(await scripted())],
  [
    'a registry that deletes manifests only',
    async () => {
      const registry = await scripted();
      byDigestOnly(registry);
      return target(registry);
    },
  ],
  [
    'the CNCF registry',
    async () => {
      const registry = await startRealRegistry({ directory: temporaryDirectory() });
      onTestFinished(() => registry.close());
      return target(registry);
    },
  ],
  ['an image layout', async () => createLayout(temporaryDirectory(), ownerOf(process.pid))],
];

describe.each(places)('pruning %s', (place, open) => {
  it('removes the tags of branches that are gone, and no other tag', async () => {
    const to = await open();
    const gone = branchTag('feature/gone');
    await image(to, [gone], undefined, { a: '1' });
    await image(to, [branchTag('feature/x'), 'branch-main'], undefined, { a: '2' });
    await image(to, ['pr-1', 'latest', 'sha-1234567'], undefined, { a: '3' });
    const rules = { branches: ['main', 'feature/x'] };
    const plan = await planPrune(to, rules, options);
    expect(plan.removed.map(({ tag }) => tag)).toEqual([gone]);
    expect(await tagsOf(to)).toContain(gone);
    expect(await run(to, rules)).toEqual({
      removed: [gone],
      kept: { 'branch-main': 'alive', [branchTag('feature/x')]: 'alive', 'pr-1': 'not asked' },
    });
    expect(await tagsOf(to)).toEqual(
      [branchTag('feature/x'), 'branch-main', 'latest', 'pr-1', 'sha-1234567'].sort(),
    );
    expect(await run(to, rules)).toMatchObject({ removed: [] });
  });

  it('goes by the time that images tell; what tells none stays', async () => {
    const to = await open();
    await image(to, ['branch-old'], '2026-01-01T00:00:00Z');
    await image(to, ['branch-old-too'], '2026-01-01T00:00:01Z');
    await image(to, ['branch-new', 'pr-1'], '2026-03-01T00:00:00Z');
    await image(to, ['branch-odd']);
    const before = Date.parse('2026-02-01T00:00:00Z');
    expect(await run(to, { before, branches: ['old-too'] })).toEqual({
      removed: ['branch-old'],
      kept: { 'branch-new': 'young', 'branch-odd': 'undated', 'branch-old-too': 'alive', 'pr-1': 'young' },
    });
  });

  it('removes those of pull requests that are closed', async () => {
    const to = await open();
    await image(to, ['pr-1'], undefined, { a: '1' });
    await image(to, ['pr-2'], undefined, { a: '2' });
    await image(to, ['branch-x'], undefined, { a: '3' });
    expect(await run(to, { pullRequests: [2] })).toEqual({
      removed: ['pr-1'],
      kept: { 'branch-x': 'not asked', 'pr-2': 'alive' },
    });
  });

  it('never deletes a manifest that another tag, an index, or what refers to a kept image needs', async () => {
    const to = await open();
    const byTag = ['a registry that removes tags', 'an image layout'].includes(place);
    const shared = await image(to, ['branch-shared', 'latest'], undefined, { a: '1' });
    const inIndex = await image(to, ['branch-in-index'], undefined, { a: '2' });
    await index(to, inIndex, '1.0.0');
    const own = await image(to, ['branch-own'], undefined, { a: '3' });
    await index(to, own, 'branch-own-index');
    const kept = await image(to, ['1.1.0'], undefined, { a: '4' });
    const signature = await pushArtifact(to, kept, 'text/x-signature');
    await to.tag(signature, 'branch-signature');
    const signed = await image(to, ['branch-signed'], undefined, { a: '5' });
    await to.tag(await pushArtifact(to, signed, 'text/x-report'), 'report');
    const result = await run(to, { branches: ['main'] });
    const needed = {
      'branch-in-index': 'needed',
      'branch-shared': 'needed',
      'branch-signature': 'needed',
      'branch-signed': 'needed',
    };
    expect(result.kept).toEqual(byTag ? {} : needed);
    expect(result.removed).toEqual(
      ['branch-own', 'branch-own-index', ...(byTag ? Object.keys(needed) : [])].sort(),
    );
    for (const descriptor of [shared, inIndex, kept, signature, signed])
      expect(await to.exists(descriptor), descriptor.digest).toBe(true);
    expect((await tagsOf(to)).filter((tag) => !/^(branch|sha256)-/.test(tag))).toEqual([
      '1.0.0',
      '1.1.0',
      'latest',
      'report',
    ]);
  });

  it('leaves a tag alone that was moved since it was looked at', async () => {
    const to = await open();
    await image(to, ['branch-a'], undefined, { a: '1' });
    const plan = await planPrune(to, { branches: ['main'] }, options);
    const now = await image(to, ['branch-a'], undefined, { a: '2' });
    const { kept, removed } = await prune(to, plan, report);
    expect({ removed, kept }).toMatchObject({ removed: [], kept: [{ tag: 'branch-a', because: 'moved' }] });
    expect((await to.resolve('branch-a')).digest).toBe(now.digest);
  });
});

it('deletes no manifest that a build of the same content tags meanwhile', async () => {
  const registry = await scripted();
  byDigestOnly(registry);
  const to = target(registry);
  const merged = await image(to, ['branch-merged'], undefined, { a: '1' });
  await image(to, ['branch-gone'], undefined, { a: '2' });
  const plan = await planPrune(to, { branches: ['main'] }, options);
  let isTagged = false;
  const meanwhile: Target = {
    ...to,
    async resolve(wanted) {
      const found = await to.resolve(wanted);
      // By digest they are asked for when it was seen that nothing needs them.
      if (wanted === merged.digest && !isTagged) {
        isTagged = true;
        await to.tag(merged, 'edge');
      }
      return found;
    },
  };
  const { removed, kept } = await prune(meanwhile, plan, report);
  expect(removed.map(({ tag }) => tag)).toEqual(['branch-gone']);
  expect(kept).toMatchObject([{ tag: 'branch-merged', because: 'needed' }]);
  expect((await to.resolve('edge')).digest).toBe(merged.digest);
});

/** A registry where so many tags stay and so many go, by name, one manifest each. */
async function manyTags(stay: number, go: number) {
  const registry = await scripted();
  byDigestOnly(registry);
  const to = target(registry);
  const kept = await image(to, ['latest'], undefined, { stays: 'yes' });
  const { tags } = registry.contents.repository('acme/engine');
  for (let at = 0; at < stay; at++) tags.set(`1.${at}.0`, kept.digest);
  const leaving: Descriptor[] = [];
  for (let at = 0; at < go; at++)
    leaving.push(await image(to, [`branch-${100 + at}`], undefined, { at: `${at}` }));
  const plan = await planPrune(to, { branches: ['main'] }, options);
  registry.requests.length = 0;
  /** Prunes, and does something when so many manifests are deleted. */
  const pruneWith = async (deleted: number, meanwhile: () => void) => {
    const { remover } = to;
    if (remover === undefined) throw new Error('it removes nothing');
    let done = 0;
    const deleteManifest: typeof remover.deleteManifest = async (descriptor) => {
      await remover.deleteManifest(descriptor);
      if (++done === deleted) meanwhile();
    };
    const { untag } = remover;
    return prune(
      { ...to, remover: { untag: (tag) => untag.call(remover, tag), deleteManifest } },
      plan,
      report,
    );
  };
  return { registry, tags, leaving, pruneWith };
}

it('asks for a tag that stays a few times, however many go', async () => {
  const [stay, go] = [300, 60];
  const { registry, pruneWith } = await manyTags(stay, go);
  const { removed } = await pruneWith(0, () => {});
  expect(removed).toHaveLength(go);
  expect(registry.log.length).toBeLessThan(3 * stay + 6 * go);
});

it('sees a tag that is made, or moved, while others go', async () => {
  const made = await manyTags(300, 30);
  const [, , ...later] = made.leaving.slice(20);
  const first = await made.pruneWith(10, () => {
    made.tags.set('edge', later[0]?.digest ?? '');
  });
  expect(first.kept).toMatchObject([{ tag: 'branch-122', because: 'needed' }]);
  expect(made.tags.get('edge')).toBe(later[0]?.digest);

  for (const [stay, tag] of [
    [300, 'latest'],
    [100, '1.0.0'],
  ] as const) {
    const moved = await manyTags(stay, 30);
    const second = await moved.pruneWith(10, () => {
      moved.tags.set(tag, moved.leaving[25]?.digest ?? '');
    });
    expect([tag, second.kept]).toMatchObject([tag, [{ tag: 'branch-125', because: 'needed' }]]);
  }
});

it('says so where a registry deletes nothing', async () => {
  const registry = await scripted();
  registry.script(failWith({ which: ({ method }) => method === 'DELETE', status: 405, code: 'UNSUPPORTED' }));
  const to = target(registry);
  await image(to, ['branch-a']);
  await expect(run(to, { branches: ['main'] })).rejects.toMatchObject({
    code: 'DELETION_REFUSED',
    hint: expect.stringContaining('storage.delete.enabled'),
  });
  expect(await tagsOf(to)).toEqual(['branch-a']);
});

it('deletes no manifest where it cannot be known what the tags that stay need', async () => {
  const registry = await scripted();
  byDigestOnly(registry);
  const to = target(registry);
  await image(to, ['branch-a'], undefined, { a: '1' });
  await image(to, ['latest'], undefined, { a: '2' });
  registry.script(failWith({ which: ({ kind }) => kind === 'referrers', status: 403, code: 'DENIED' }));
  await expect(run(to, { branches: ['main'] })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(registry.log.filter((line) => /^DELETE .*sha256:/.test(line))).toEqual([]);
});
