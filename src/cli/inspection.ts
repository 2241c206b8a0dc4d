import type { InspectedArtifact, InspectedImage, InspectedIndex, Inspection } from '../look/index.js';
import { type Requirement, requiresAnnotation } from '../requirements/index.js';
import type { Host } from './host.js';
import { formatBytes, printLine } from './output.js';
import { formatRequirement } from './requirements.js';
import { printTable } from './table.js';
import { count } from './text.js';

/** Prints what a name of an image leads to, for people. */
export function printInspection(
  host: Host,
  reference: string,
  inspection: Inspection,
  installed: readonly { readonly engine: string; readonly source: string }[],
  requires: readonly Requirement[] | null,
): void {
  const { digest, mediaType, size, index, image, artifact } = inspection;
  printFields(host, [
    ['reference', reference],
    ['digest', digest],
    ['type', mediaType],
    ['size', formatBytes(size)],
  ]);
  if (index !== undefined) printIndex(host, index);
  if (image !== undefined) {
    if (index !== undefined) printFields(host, [[], ['digest', image.digest], ['type', image.mediaType]]);
    printImage(host, image);
    const where = installed.map(({ engine, source }) => `${engine} (${source})`).join(', ');
    if (where !== '') printFields(host, [['installed', `in ${where}`]]);
    if (requires === null) printFields(host, [['requires', '(malformed)']]);
    else
      printFields(
        host,
        requires.map((requirement): Field => ['requires', formatRequirement(requirement)]),
      );
    printLayers(host, image);
  } else if (artifact !== undefined) {
    if (index !== undefined)
      printFields(host, [[], ['digest', artifact.digest], ['type', artifact.mediaType]]);
    printArtifact(host, artifact);
  } else {
    printLine(host);
    printLine(host, 'There is no image for this platform; choose one with --platform.');
  }
}

function printIndex(host: Host, { artifactType, annotations, manifests }: InspectedIndex): void {
  printFields(host, [['artifact', artifactType], ...pairs('annotation', annotations)]);
  printLine(host);
  printTable(
    host,
    ['PLATFORM', 'DIGEST', 'SIZE', 'TYPE'],
    manifests.map((entry) => [
      entry.platform ?? 'any',
      entry.digest,
      formatBytes(entry.size),
      entry.artifactType ?? entry.mediaType,
    ]),
  );
}

function printImage(host: Host, image: InspectedImage): void {
  printFields(host, [
    ['platform', image.platform],
    ['created', image.created],
    ['version', image.version],
    ['revision', image.revision],
    ['source', image.source],
    ['entrypoint', image.entrypoint.length > 0 ? JSON.stringify(image.entrypoint) : undefined],
    ['command', image.command.length > 0 ? JSON.stringify(image.command) : undefined],
    ['config', image.config.digest],
    ['subject', image.subject],
    ...pairs('annotation', told(image.annotations)),
    ...pairs('label', image.labels),
  ]);
}

function printLayers(host: Host, { layers, layersSize }: InspectedImage): void {
  printLine(host);
  printTable(
    host,
    ['LAYER', 'SIZE', 'DIFFID', 'TYPE'],
    layers.map(({ digest, size, diffId, mediaType }) => [digest, formatBytes(size), diffId, mediaType]),
  );
  printLine(host, `${count(layers.length, 'layer')}, ${formatBytes(layersSize)}`);
}

function printArtifact(host: Host, artifact: InspectedArtifact): void {
  printFields(host, [
    ['artifact', artifact.artifactType],
    ['subject', artifact.subject],
    ...pairs('annotation', artifact.annotations),
  ]);
  printLine(host);
  printTable(
    host,
    ['BLOB', 'SIZE', 'TYPE', 'TITLE'],
    artifact.blobs.map(({ digest, size, mediaType, title = '' }) => [
      digest,
      formatBytes(size),
      mediaType,
      title,
    ]),
  );
}

/** What is not shown in a better form. */
function told(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== requiresAnnotation));
}

/** A name and its value, which is left out where it is undefined; an empty pair is an empty line. */
type Field = readonly [] | readonly [name: string, value: string | undefined];

function printFields(host: Host, fields: readonly Field[]): void {
  for (const [name = '', value = name === '' ? '' : undefined] of fields)
    if (value !== undefined) printLine(host, `${name.padEnd(12)}${value}`.trimEnd());
}

function pairs(name: string, values: Readonly<Record<string, string>>): Field[] {
  return Object.entries(values).map(([key, value]) => [name, `${key}=${shortened(value)}`]);
}

/** A release has its whole lock in an annotation; `--json` prints it. */
function shortened(value: string): string {
  if (value.length <= longestValue) return value;
  return `${value.slice(0, longestValue)}... (${formatBytes(Buffer.byteLength(value))}, all of it with --json)`;
}

const longestValue = 160;
