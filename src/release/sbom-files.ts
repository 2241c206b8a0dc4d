import {
  type ContentStore,
  counted,
  type Image,
  mapLimited,
  type Reporter,
  shortDigest,
} from '../content/index.js';
import type { EngineLock } from '../engine/index.js';
import { inOperation } from '../errors/index.js';
import { ContentDigests, type FileDigests, listLayer, NameBudget, Overlay } from '../layer/index.js';
import { imageLayers } from '../oci/index.js';

/** How many layers are read at the same time. */
const concurrentLayers = 4;

/** A regular file of a release. */
export interface ReleaseFile {
  /** From the root of the image, as `decodeName` makes it of bytes. */
  readonly path: string;
  readonly digests: FileDigests;
}

/** What is below one directory of a release, or beside those of the components. */
export interface ReleaseFiles {
  /** By path. */
  readonly files: readonly ReleaseFile[];
  /** How many symbolic links there are. */
  readonly links: number;
}

/** The regular files of a release: those of each component by its name, and those that are no component's. */
export interface ReleaseContent {
  readonly components: ReadonlyMap<string, ReleaseFiles>;
  readonly others: ReleaseFiles;
}

/**
 * Reads all layers of a release as they would be installed, writing nothing: each verified, and the digests of each file made of
 * its bytes. What it takes grows with the number of the files, and is bounded as for every list of files.
 * @param lock says which of the image's directories are components
 * @throws EngineshedError as `listLayer` and the content do
 */
export async function readReleaseContent(
  content: Pick<ContentStore, 'fetch'>,
  { manifest, config }: Pick<Image, 'manifest' | 'config'>,
  lock: EngineLock,
  report: Reporter,
): Promise<ReleaseContent> {
  const budget = new NameBudget();
  const read = await mapLimited(imageLayers(manifest, config), concurrentLayers, async (layer) => {
    const { descriptor } = layer;
    const about = {
      id: descriptor.digest,
      label: shortDigest(descriptor.digest),
      total: descriptor.size,
    };
    const watcher = new ContentDigests();
    try {
      const stream = counted(await content.fetch(descriptor), about, report);
      const listed = await listLayer(stream, layer, { budget, watcher });
      report({ type: 'transferred', action: 'read', ...about });
      return { listed, digests: watcher.digests };
    } catch (error) {
      throw inOperation(`Reading the layer ${about.label}`, error);
    }
  });
  const overlay = new Overlay(read.map(({ listed }) => listed));
  const others = newFiles();
  const components = new Map(Object.keys(lock.sources).map((name) => [name, newFiles()]));
  const visit = (path: string, from: readonly number[], into: Collected) => {
    for (const [name, { entry, layers }] of overlay.children(path, from)) {
      const child = path === '' ? name : `${path}/${name}`;
      const digests = read[layers[0] ?? 0]?.digests.get(child);
      if (entry.kind === 'directory')
        visit(child, layers, path === '' ? (components.get(name) ?? others) : into);
      else if (entry.kind === 'symlink') into.links++;
      else if (digests !== undefined) into.files.push({ path: child, digests });
    }
  };
  visit('', overlay.all, others);
  for (const { files } of [others, ...components.values()]) files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { components, others };
}

interface Collected {
  readonly files: ReleaseFile[];
  links: number;
}

function newFiles(): Collected {
  return { files: [], links: 0 };
}
