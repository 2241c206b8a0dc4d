import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createLayout, type Layout, type Reporter } from '../../src/content/index.js';
import { type EngineDefinition, type EngineLock, resolveEngine } from '../../src/engine/index.js';
import { ownerOf } from '../../src/files/index.js';
import { parseReference } from '../../src/oci/index.js';
import { packImage } from '../../src/publish/index.js';
import {
  applyInstall,
  type InstallPlan,
  type InstallResult,
  planInstall,
  type Remembered,
  rememberingTarget,
  type Store,
  storeAt,
} from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A store and an image layout with the components `base` and `extra`, in a directory of the test's own. */
export interface Sample {
  readonly directory: string;
  readonly store: Store;
  /** An engine of both components, or of those that are named. */
  engine(name: string, ...sources: string[]): Promise<EngineLock>;
  plan(name: string, ...sources: string[]): Promise<InstallPlan>;
  /** Carries out a plan. */
  apply(plan: InstallPlan): Promise<InstallResult>;
  install(name: string, ...sources: string[]): Promise<InstallResult>;
}

/** Makes one. */
export async function makeSample(report: Reporter = () => {}): Promise<Sample> {
  const directory = temporaryDirectory();
  const owner = ownerOf(process.pid);
  const layout = createLayout(`${directory}/images`, owner);
  for (const component of ['base', 'extra']) await publishSample(layout, directory, component);
  const store = storeAt(`${directory}/store`, owner, () => new Date(0), report);
  const remembered: Remembered = new Map();
  const sample: Sample = {
    directory,
    store,
    engine: (name, ...sources) =>
      resolveEngine(define(name, directory, sources.length > 0 ? sources : ['base', 'extra']), {
        target: () => rememberingTarget(store, layout, remembered),
        platform: { os: 'linux', architecture: 'amd64' },
        directoryExists: async (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
      }),
    plan: async (name, ...sources) => planInstall(store, await sample.engine(name, ...sources)),
    apply: async (plan) =>
      applyInstall(store, plan, {
        content: () => layout,
        remembered,
        admission: await admitted(plan.lock),
        platform: 'linux',
      }),
    install: async (name, ...sources) => sample.apply(await sample.plan(name, ...sources)),
  };
  return sample;
}

async function publishSample(layout: Layout, directory: string, component: string): Promise<void> {
  const content = `${directory}/${component}`;
  mkdirSync(`${content}/bin`, { recursive: true });
  writeFileSync(`${content}/bin/say`, `#!/bin/sh\necho ${component}\n`, { mode: 0o755 });
  const image = await packImage(layout, {
    directory: content,
    checkout: undefined,
    annotations: {},
    sourceDateEpoch: undefined,
    platform: { os: 'linux', architecture: 'amd64' },
    externalLinks: 'reject',
    report: () => {},
  });
  await layout.tag(image.manifest, component);
}

function define(name: string, directory: string, sources: readonly string[]): EngineDefinition {
  const reference = (source: string) => parseReference(`oci:${directory}/images:${source}`);
  return {
    name,
    description: '',
    kind: 'custom',
    catalog: 'test',
    sources: Object.fromEntries(
      sources.map((source) => {
        const found = reference(source);
        if (found.transport !== 'oci') throw new Error(`${source} is in no layout`);
        return [source, { kind: 'layout', reference: found }];
      }),
    ),
    parts: sources.map((source) => ({ type: source, source, path: '.' })),
    environment: sources.map((source) => ({
      name: `${source.toUpperCase()}_DIR`,
      kind: 'part',
      part: source,
      path: undefined,
    })),
  };
}
