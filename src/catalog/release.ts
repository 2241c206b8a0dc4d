import { parseTag } from '../oci/index.js';
import { catalogFault } from './fault.js';
import { type NamePattern, parsePattern, samplePattern } from './pattern.js';
import type { ReleaseFile } from './schema.js';
import { type FileContext, parsedAt, readSource } from './source.js';
import type { ReleaseChannel, ReleaseSettings, ReleaseTest } from './types.js';

/** How long a test may take of which nothing is said: ten minutes. */
const defaultTimeoutSeconds = 600;
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Reads the `[release]` table: its references parsed, its paths made absolute. That the engine exists is not looked up yet.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function readRelease(context: FileContext, file: ReleaseFile): ReleaseSettings {
  return {
    engine: file.engine,
    image: readPlace(context, file),
    channels: readChannels(context, file),
    tests: readTests(context, file),
    directory: context.baseDirectory,
  };
}

function readPlace(context: FileContext, { image, layout }: ReleaseFile): ReleaseSettings['image'] {
  const path = ['release'];
  const key = image === undefined ? 'layout' : 'image';
  const source = readSource(context, path, { image, layout }, { text: 'release', placeholder: undefined });
  if (source.kind === 'directory' || source.tag !== undefined || source.digest !== undefined) {
    const problem = 'must have no tag and no digest: the channels say the tags';
    throw catalogFault(context.source, [...path, key], problem);
  }
  if (source.kind === 'layout') return { transport: 'oci', path: source.path };
  return { transport: 'registry', registry: source.registry, repository: source.repository };
}

/** A tag that two channels share would be moved by both. */
function readChannels(context: FileContext, file: ReleaseFile): Map<string, ReleaseChannel> {
  const owners = new Map<string, string>();
  const channels = Object.entries(file.channels ?? {}).map(
    ([name, { tag, versions, 'valid-days': days }]) => {
      const validMs = days === undefined ? undefined : days * dayMs;
      const path = ['release', 'channels', name];
      const own = (key: string, text: string) => {
        const other = owners.get(text);
        if (other !== undefined)
          throw catalogFault(context.source, [...path, key], `is what the channel "${other}" has, too`);
        owners.set(text, name);
      };
      own('tag', tag);
      parsedAt(context, [...path, 'tag'], () => parseTag(tag));
      if (versions === undefined) return { name, tag, versions, validMs };
      own('versions', versions);
      return { name, tag, versions: readVersions(context, [...path, 'versions'], versions), validMs };
    },
  );
  return new Map(channels.map((channel) => [channel.name, channel]));
}

function readVersions(context: FileContext, path: readonly string[], text: string): NamePattern {
  const pattern = parsePattern(text);
  if ('fault' in pattern) throw catalogFault(context.source, path, `cannot be used: ${pattern.fault}`);
  if (pattern.placeholder === undefined)
    throw catalogFault(
      context.source,
      path,
      'must have {version} or {date}: each release has a tag of its own',
    );
  parsedAt(context, path, () => parseTag(samplePattern(pattern)));
  return pattern;
}

function readTests(context: FileContext, { test = [] }: ReleaseFile): ReleaseTest[] {
  const names = new Set<string>();
  return test.map((entry, at) => {
    if (names.has(entry.name)) {
      const problem = `is the name of two tests: "${entry.name}"`;
      throw catalogFault(context.source, ['release', 'test', String(at), 'name'], problem);
    }
    names.add(entry.name);
    return {
      name: entry.name,
      command: entry.command,
      timeoutMs: (entry['timeout-seconds'] ?? defaultTimeoutSeconds) * 1000,
      alone: entry.alone ?? false,
    };
  });
}
