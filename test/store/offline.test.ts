import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { streamOf } from '../../src/content/index.js';
import type { RegistryReference } from '../../src/oci/index.js';
import { offlineTarget, refuseFetching } from '../../src/store/index.js';
import { makeSample, type Sample } from './sample.js';

const reference: RegistryReference = {
  transport: 'registry',
  registry: 'ghcr.io',
  repository: 'acme/engine',
};

/** An engine whose source came from a registry, as far as its record tells. */
async function fromRegistry(sample: Sample, name: string, source: string, tag: string, installed: Date) {
  const { engine } = await sample.install(name, source);
  const path = `${sample.store.paths.engineState(name, engine.id)}/engine.json`;
  const record = JSON.parse(readFileSync(path, 'utf8'));
  record.sources[source] = {
    ...record.sources[source],
    kind: 'image',
    reference: `ghcr.io/acme/engine:${tag}`,
  };
  record.installed = installed.toISOString();
  writeFileSync(path, JSON.stringify(record));
  return record.sources[source];
}

describe('offline', () => {
  it('a tag is the latest of what it stood for, and another tag is not known', async () => {
    const sample = await makeSample();
    const old = await fromRegistry(sample, 'first', 'base', 'edge', new Date(1000));
    const late = await fromRegistry(sample, 'second', 'extra', 'edge', new Date(2000));
    await fromRegistry(sample, 'third', 'base', 'other', new Date(3000));
    const target = offlineTarget(sample.store, reference);
    expect((await target.resolve('edge')).digest).toBe(late.resolved);
    expect(late.resolved).not.toBe(old.resolved);
    await expect(target.resolve('unknown')).rejects.toMatchObject({ code: 'OFFLINE' });
  });

  it('content is what the store has, and nothing else', async () => {
    const sample = await makeSample();
    const { manifest } = await fromRegistry(sample, 'first', 'base', 'edge', new Date());
    const target = offlineTarget(sample.store, reference);
    expect((await all(await target.fetch(manifest))).length).toBe(1);
    const other = { ...manifest, digest: `sha256:${'0'.repeat(64)}` };
    for (const refused of [
      () => target.fetch(other),
      () => target.resolve(other.digest),
      () => target.push(manifest, async () => streamOf(Buffer.of())),
      () => target.tag(manifest, 'edge'),
      () => all(target.tags()),
      () => all(target.referrers(manifest)),
    ])
      await expect(refused()).rejects.toMatchObject({ code: 'OFFLINE' });
    expect(await target.exists(other)).toBe(false);
  });

  it('an install that lacks layers does not begin', async () => {
    const sample = await makeSample();
    const plan = await sample.plan('first', 'base');
    const { base } = plan.lock.sources;
    if (base?.kind !== 'layout') throw new Error('no layout');
    refuseFetching(plan);
    const sources = { base: { ...base, kind: 'image' as const, reference: 'ghcr.io/acme/engine:1' } };
    const lacking = { ...plan, lock: { ...plan.lock, sources } };
    expect(() => refuseFetching(lacking as never)).toThrow(expect.objectContaining({ code: 'OFFLINE' }));
  });
});

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
