import { basename, resolve } from 'node:path';
import { resolveReference } from '../../content/index.js';
import { EngineshedError } from '../../errors/index.js';
import { annotationKeys, formatReference, isMediaType } from '../../oci/index.js';
import { type AttachedFile, attach as attachFiles, planAttach } from '../../publish/index.js';
import { createdAnnotation, parseAnnotations } from '../annotations.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { parseImage } from '../references.js';
import { type NetworkFlags, openTargets } from '../runtime.js';

/** The flags of `engineshed attach`. */
interface AttachFlags extends NetworkFlags {
  readonly type: string;
  readonly annotation?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The media type of a file of which nothing is said. */
const unknownType = 'application/octet-stream';

/** Attaches files to an image. */
export async function attach(
  this: Host,
  flags: AttachFlags,
  image: string,
  ...texts: string[]
): Promise<void> {
  const reference = parseImage(image);
  const files = parseFiles(this, texts);
  const annotations = { ...createdAnnotation(this), ...parseAnnotations(flags.annotation ?? []) };
  refuseUnclear(flags, files, annotations);
  const catalogs = await openCatalogs(this, undefined);
  const { subject, attached } = await withProgress(this, async (report) => {
    const targets = openTargets(this, catalogs, flags, report);
    try {
      // A layout that is not there must not be made: it has no image to attach to.
      const subject = await resolveReference(targets.readable(reference), reference);
      const inputs = { subject, artifactType: flags.type, files, annotations, report };
      const attached = flags.dryRun
        ? await planAttach(inputs)
        : await targets.write(reference, 'refuse', (target) => attachFiles(target, inputs));
      return { subject, attached };
    } finally {
      targets.close();
    }
  });
  const { manifest, layers } = attached;
  const written = formatReference({ ...reference, tag: undefined, digest: manifest.digest });
  if (flags.json) {
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      reference: written,
      subject: subject.digest,
      digest: manifest.digest,
      size: manifest.size,
      artifactType: flags.type,
      annotations,
      files: layers.map(({ digest, size, mediaType, annotations }) => ({
        title: annotations?.[annotationKeys.title],
        digest,
        size,
        mediaType,
      })),
    });
    return;
  }
  printLine(this, `${flags.dryRun ? 'would be' : 'attached'} ${manifest.digest}`);
  printLine(this, `  to ${subject.digest}`);
  printLine(this, `  as ${written}`);
}

function parseFiles(host: Host, texts: readonly string[]): AttachedFile[] {
  return texts.map((text) => {
    const colon = text.lastIndexOf(':');
    const hasType = colon > 0 && isMediaType(text.slice(colon + 1));
    const path = hasType ? text.slice(0, colon) : text;
    const mediaType = hasType ? text.slice(colon + 1) : unknownType;
    return { path: resolve(host.directory, path), title: basename(path), mediaType };
  });
}

function refuseUnclear(flags: AttachFlags, files: readonly AttachedFile[], annotations: object): void {
  if (!isMediaType(flags.type)) {
    throw new EngineshedError('USAGE', `"${flags.type}" is no artifact type`, {
      hint: 'It has the form of a media type: --type application/spdx+json, or one of your own like application/vnd.acme.report.',
    });
  }
  if (files.length === 0 && Object.keys(annotations).length === 0) {
    throw new EngineshedError('USAGE', 'There is nothing to attach', {
      hint: 'Name files, or give annotations.',
    });
  }
  const titles = files.map(({ title }) => title);
  const twice = titles.find((title, at) => titles.indexOf(title) !== at);
  if (twice !== undefined) {
    throw new EngineshedError('USAGE', `Two files are called "${twice}"; nobody could tell them apart`, {
      hint: 'Attach them one by one, or rename one.',
    });
  }
}
