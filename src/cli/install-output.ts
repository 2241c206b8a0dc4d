import { type InstallPlan, type PlannedLayer, readLinks } from '../store/index.js';
import { openPaths } from './engines.js';
import type { Host } from './host.js';
import { formatBytes, printLine } from './output.js';

/** How layers come: from elsewhere, or out of a file. */
type Way = 'download' | 'read';
const done = { download: 'downloaded', read: 'read' } as const;

/** Prints what an install would do. */
export function printPlan(host: Host, plan: InstallPlan, way: Way = 'download'): void {
  const id = plan.id.slice(0, 8);
  if (plan.upToDate) {
    printLine(host, `${plan.lock.name} is up to date (${id}).`);
    return;
  }
  printLine(host, `${plan.lock.name} would become ${id}:`);
  for (const layer of plan.fetch) {
    printLine(
      host,
      `  fetch  ${layer.source}  ${layer.descriptor.digest}  ${formatBytes(layer.descriptor.size)}`,
    );
  }
  for (const layer of plan.present) printLine(host, `  have   ${layer.source}  ${layer.descriptor.digest}`);
  printLine(host, `${formatBytes(plan.fetchBytes)} to ${way}.`);
}

/** Prints what an install did. */
export function printResult(host: Host, plan: InstallPlan, activated: boolean, way: Way = 'download'): void {
  const { name } = plan.lock;
  const id = plan.id.slice(0, 8);
  if (plan.upToDate) printLine(host, `${name} is up to date (${id}).`);
  else printLine(host, `${name} is installed (${id}), ${formatBytes(plan.fetchBytes)} ${done[way]}.`);
  for (const [source, directory] of Object.entries(readLinks(openPaths(host), name)))
    printLine(host, `${source} stays linked to ${directory}; take it out with: engineshed unlink ${source}`);
  if (activated) printLine(host, `${name} is the active engine now.`);
}

/** What a document says of an install. */
export function planJson({ lock, id, upToDate, fetchBytes, fetch, present }: InstallPlan) {
  return {
    name: lock.name,
    id,
    upToDate,
    fetchedBytes: fetchBytes,
    fetchedLayers: fetch.map(layerJson),
    presentLayers: present.map(layerJson),
    sources: Object.fromEntries(
      Object.entries(lock.sources).map(([source, locked]) => [
        source,
        locked.kind === 'directory'
          ? { directory: locked.path }
          : {
              reference: locked.reference,
              resolved: locked.resolved,
              manifest: locked.manifest.digest,
              platform: locked.platform ?? null,
            },
      ]),
    ),
  };
}

function layerJson({ source, descriptor, diffId }: PlannedLayer) {
  return { source, digest: descriptor.digest, diffId, size: descriptor.size };
}
