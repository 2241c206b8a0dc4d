import { resolve } from 'node:path';
import type { SourceDefinition } from '../engine/types.js';
import { isEngineshedError } from '../errors/index.js';
import { namesRegistry, parseDigest, parseReference, parseTag } from '../oci/index.js';
import { type CatalogText, catalogFault } from './fault.js';
import { type NamePattern, parsePattern, samplePattern } from './pattern.js';
import type { OverrideFile, SourceFile } from './schema.js';
import type { SourceOverride, SourceTemplate } from './types.js';

/** What the values of a catalog file are read against. */
export interface FileContext {
  readonly source: CatalogText;
  /** What relative paths start from. */
  readonly baseDirectory: string;
  /** What relative images are relative to. */
  readonly images: string | undefined;
}

/**
 * Reads a source of an engine: its reference parsed, its path made absolute.
 * @param path the keys of the source
 * @param name the engine's name, whose placeholder may stand in the tag
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function readSource(
  context: FileContext,
  path: readonly string[],
  file: SourceFile,
  name: NamePattern,
): SourceTemplate {
  if (file.image !== undefined) return readImage(context, [...path, 'image'], file.image, name);
  if (file.layout !== undefined) return readLayout(context, [...path, 'layout'], file.layout, name);
  return { kind: 'directory', path: resolve(context.baseDirectory, file.directory ?? '') };
}

/**
 * Reads what takes the place of a source of a project's engine.
 * @param path the keys of the override
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function readOverride(
  context: FileContext,
  path: readonly string[],
  file: OverrideFile,
): SourceOverride {
  const { image, layout, directory, tag, digest } = file;
  if (tag === undefined && digest === undefined)
    return asDefinition(readSource(context, path, { image, layout, directory }, parsedName));
  return {
    kind: 'version',
    tag: tag === undefined ? undefined : parsedAt(context, [...path, 'tag'], () => parseTag(tag)),
    digest:
      digest === undefined ? undefined : parsedAt(context, [...path, 'digest'], () => parseDigest(digest)),
  };
}

/** What has no placeholder in its name. */
const parsedName: NamePattern = { text: 'override', placeholder: undefined };

/** A source without a placeholder, as an engine has it. */
function asDefinition(template: SourceTemplate): SourceDefinition {
  if (template.kind === 'directory') return template;
  const { kind, tag, digest } = template;
  return kind === 'layout'
    ? { kind, reference: { transport: 'oci', path: template.path, tag, digest } }
    : {
        kind,
        reference: {
          transport: 'registry',
          registry: template.registry,
          repository: template.repository,
          tag,
          digest,
        },
      };
}

/**
 * Runs a parser of references on a value of a file.
 * @throws EngineshedError `CONFIG_INVALID` in place of `REFERENCE_INVALID` and `DIGEST_INVALID`
 */
export function parsedAt<T>(context: FileContext, path: readonly string[], parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_INVALID', 'DIGEST_INVALID')) throw error;
    throw catalogFault(context.source, path, error.message, { hint: error.hint, cause: error });
  }
}

function readImage(
  context: FileContext,
  path: readonly string[],
  image: string,
  name: NamePattern,
): SourceTemplate {
  const text = namesRegistry(image) ? image : belowRegistry(context, path, image);
  const { sample, tag } = takePlaceholder(context, path, text, name);
  const reference = parsedAt(context, path, () => parseReference(sample));
  if (reference.transport !== 'registry')
    throw catalogFault(context.source, path, 'is an image layout: write { layout = "directory:tag" }');
  const { registry, repository, digest } = reference;
  return { kind: 'image', registry, repository, tag: tag ?? reference.tag, digest };
}

function readLayout(
  context: FileContext,
  path: readonly string[],
  layout: string,
  name: NamePattern,
): SourceTemplate {
  const { sample, tag } = takePlaceholder(context, path, `oci:${layout.replace(/^oci:/, '')}`, name);
  const reference = parsedAt(context, path, () => parseReference(sample));
  if (reference.transport !== 'oci') throw catalogFault(context.source, path, 'is not an image layout');
  return {
    kind: 'layout',
    path: resolve(context.baseDirectory, reference.path),
    tag: tag ?? reference.tag,
    digest: reference.digest,
  };
}

function belowRegistry(context: FileContext, path: readonly string[], image: string): string {
  if (image.startsWith('oci:'))
    throw catalogFault(context.source, path, 'is an image layout: write { layout = "directory:tag" }');
  if (context.images !== undefined) return `${context.images.replace(/\/+$/, '')}/${image}`;
  const problem = `"${image}" names no registry, and the file has no key "images"`;
  throw catalogFault(context.source, path, problem, {
    hint: 'Write images = "host/path" at the top of the file, or the registry before the image.',
  });
}

/** Puts a sample in place of a placeholder, for the grammar's sake; it may stand in the tag and nowhere else. */
function takePlaceholder(
  context: FileContext,
  path: readonly string[],
  text: string,
  name: NamePattern,
): { sample: string; tag: string | undefined } {
  const brace = text.search(/[{}]/);
  if (brace < 0) return { sample: text, tag: undefined };
  const at = text.lastIndexOf('@');
  const end = at < 0 ? text.length : at;
  const colon = text.lastIndexOf(':', end - 1);
  if (colon < text.lastIndexOf('/', end - 1) || brace < colon || brace > end)
    throw catalogFault(context.source, path, 'may have a placeholder in the tag only');
  const tag = parsePattern(text.slice(colon + 1, end));
  if ('fault' in tag) throw catalogFault(context.source, path, `cannot be used: ${tag.fault}`);
  if (tag.placeholder === undefined || tag.placeholder !== name.placeholder) {
    const problem = `has another placeholder than the engine's name, "${name.text}"`;
    throw catalogFault(context.source, path, problem);
  }
  return { sample: text.slice(0, colon + 1) + samplePattern(tag) + text.slice(end), tag: tag.text };
}
