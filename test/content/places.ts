import { createLayout, streamOf, type Target } from '../../src/content/index.js';
import { type Owner, ownerOf } from '../../src/files/index.js';
import { type Descriptor, describe as describeContent, mediaTypes } from '../../src/oci/index.js';
import { temporaryDirectory } from '../support/temporary.js';

/** The process of the tests. */
export const owner = ownerOf(process.pid);

/** A process that has ended. */
export const dead: Owner = { ...owner, start: '1' };

/** What is written. */
export const bytes = Buffer.from('some content');

/** The descriptor of {@link bytes}. */
export const blob = describeContent(mediaTypes.layerTar, bytes);

/** More bytes than a manifest may have. */
export const large = 5 * 1024 * 1024;

/** A layout that is new and empty. */
export function makeLayout() {
  const directory = `${temporaryDirectory()}/images`;
  return { directory, layout: createLayout(directory, owner) };
}

/** Puts JSON into a place. */
export async function pushJson(target: Target, mediaType: string, value: unknown): Promise<Descriptor> {
  const json = Buffer.from(JSON.stringify(value));
  const descriptor = describeContent(mediaType, json);
  await target.push(descriptor, async () => streamOf(json));
  return descriptor;
}

/** All bytes of a stream. */
export async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
