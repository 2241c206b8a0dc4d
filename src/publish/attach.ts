import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { counted, type Reporter, shortDigest, streamOf, type Target } from '../content/index.js';
import { EngineshedError, fromNamedPath, fromSystemError, inOperation } from '../errors/index.js';
import {
  annotationKeys,
  buildArtifact,
  createDigester,
  type Descriptor,
  emptyContent,
} from '../oci/index.js';

const chunkBytes = 1024 * 1024;

/** A file to attach. */
export interface AttachedFile {
  readonly path: string;
  /** What it is called where it is attached. */
  readonly title: string;
  readonly mediaType: string;
}

/** What to attach to what. */
export interface AttachInputs {
  readonly subject: Descriptor;
  /** What sort of thing it is, as a media type. */
  readonly artifactType: string;
  readonly files: readonly AttachedFile[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly report: Reporter;
}

/** What was attached. */
export interface Attached {
  readonly manifest: Descriptor;
  /** The files, in the order given. */
  readonly layers: readonly Descriptor[];
}

/**
 * Attaches files to an image: pushes them as blobs, straight from the disk, and a manifest that has the image as its subject.
 * The same files with the same annotations give the same manifest.
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `CONTENT_UNPUBLISHABLE` (no regular file), `DIGEST_MISMATCH` or
 * `SIZE_MISMATCH` for a file that changes meanwhile, and as `Target.push` does
 */
export async function attach(target: Target, inputs: AttachInputs): Promise<Attached> {
  const { subject, artifactType, files, annotations, report } = inputs;
  try {
    const layers: Descriptor[] = [];
    for (const file of files) layers.push(await pushFile(target, file, report));
    await target.push(emptyContent.descriptor, async () => streamOf(emptyContent.bytes));
    const { descriptor, bytes } = buildArtifact({ artifactType, layers, subject, annotations });
    await target.push(descriptor, async () => streamOf(bytes));
    return { manifest: descriptor, layers };
  } catch (error) {
    throw inOperation(`Attaching to ${target.label}@${shortDigest(subject.digest)}`, error);
  }
}

/**
 * What {@link attach} would attach.
 * @throws EngineshedError as that does for files
 */
export async function planAttach(inputs: Omit<AttachInputs, 'report'>): Promise<Attached> {
  const { subject, artifactType, files, annotations } = inputs;
  const layers: Descriptor[] = [];
  for (const file of files) layers.push(await describeFile(file));
  const { descriptor } = buildArtifact({ artifactType, layers, subject, annotations });
  return { manifest: descriptor, layers };
}

async function pushFile(target: Target, file: AttachedFile, report: Reporter): Promise<Descriptor> {
  const { path, title } = file;
  const layer = await describeFile(file);
  const { annotations: _, ...descriptor } = layer;
  const about = { id: layer.digest, label: title, total: layer.size };
  if (await target.exists(descriptor)) report({ type: 'present', ...about });
  else {
    await target.push(descriptor, async () => counted(read(path), about, report));
    report({ type: 'transferred', action: 'sent', ...about });
  }
  return layer;
}

async function describeFile({ path, title, mediaType }: AttachedFile): Promise<Descriptor> {
  const { digest, size } = await digestFile(path);
  return { mediaType, digest, size, annotations: { [annotationKeys.title]: title } };
}

async function digestFile(path: string): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  const found = await stat(path).catch((error) => {
    throw fromNamedPath({ what: 'file', path, purpose: 'to attach' }, error);
  });
  if (!found.isFile()) {
    throw new EngineshedError('CONTENT_UNPUBLISHABLE', `${path} is no file`, {
      hint: 'A directory is published with "engineshed publish".',
      details: { path },
    });
  }
  const digester = createDigester();
  let size = 0;
  try {
    for await (const chunk of read(path)) {
      digester.update(chunk);
      size += chunk.byteLength;
    }
  } catch (error) {
    throw fromSystemError(error);
  }
  return { digest: digester.digest(), size };
}

function read(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: chunkBytes });
}
