import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import * as v from 'valibot';
import { type EngineshedError, fromSystemError, isEngineshedError } from '../errors/index.js';
import { replaceFile, uniqueSuffix } from '../files/index.js';
import type { ChannelView, KnownStatement, TrustMemory } from '../trust/memory.js';
import { formatSeen, parseSeen, type SeenChannel } from '../trust/seen.js';
import { entriesOf, makeOwnDirectory } from './directory.js';
import { FaultList } from './faults.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import { type Store, transaction, withLock } from './store.js';

/** The longest file of a channel, or of an image's statements, in bytes. */
const maxBytes = 4 * 1024 * 1024;

const statementsSchema = v.object({
  version: v.literal(1),
  statements: v.array(
    v.object({
      predicateType: v.string(),
      predicate: v.unknown(),
      signers: v.array(v.string()),
      carriers: v.array(v.string()),
    }),
  ),
});

/**
 * What a store remembers of channels and signatures. What was seen of a channel is on the disk before anything that was asked because of
 * it can come to stand; a file of it that is damaged is told, and never taken for none.
 */
export function trustMemory(store: Store): TrustMemory {
  const { paths } = store;
  return {
    seen: (view) => readSeen(paths, view),
    statements: (digest) => readStatements(paths.signed(digest)),
    keep: ({ channels, images }) =>
      transaction(store, 'trust', ({ staging }) =>
        withLock(store, 'trust', 'exclusive', async () => {
          const write = (path: string, text: string) => {
            makeOwnDirectory(dirname(dirname(path)));
            makeOwnDirectory(dirname(path));
            replaceFile(path, text, `${staging}/trust-${uniqueSuffix()}`);
          };
          for (const { digest, statements } of images)
            write(paths.signed(digest), `${JSON.stringify({ version: 1, statements })}\n`);
          for (const { view, next, whenDamaged } of channels) {
            const read = () => readSeen(paths, view);
            const seen = next(whenDamaged === 'refuse' ? read() : orNothing(read));
            write(paths.seen(view.place, view.tag, view.policy), formatSeen(seen));
          }
        }),
      ),
  };
}

/**
 * What was seen of all channels, and what could not be read of it.
 * @throws EngineshedError `FILE_PERMISSION`, `IO_FAILED`
 */
export function readAllSeen(paths: StorePaths): readonly (SeenChannel | EngineshedError)[] {
  return seenFiles(paths).map((path) => {
    try {
      return parseSeen(readBytes(path) ?? Buffer.alloc(0), path);
    } catch (error) {
      if (isEngineshedError(error, 'STORE_CORRUPT')) return error;
      throw error;
    }
  });
}

/**
 * Checks the records of channels: that each can be read, and stands where it belongs.
 * @throws EngineshedError `FILE_PERMISSION`, `IO_FAILED`
 */
export function checkSeen(paths: StorePaths): FaultList[] {
  return seenFiles(paths).map((path) => {
    const name = basename(path);
    const faults = new FaultList('channel', name, new Set(), `seen/${name}`);
    try {
      const { place, tag, proof } = parseSeen(readBytes(path) ?? Buffer.alloc(0), path);
      if (paths.seen(place, tag, proof.policy) !== path) faults.add('', { fault: 'content' });
    } catch (error) {
      if (!isEngineshedError(error, 'STORE_CORRUPT')) throw error;
      faults.add('', { fault: 'content' });
    }
    return faults;
  });
}

function seenFiles(paths: StorePaths): string[] {
  return entriesOf(paths.seenChannels)
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${paths.seenChannels}/${name}`);
}

function readSeen(paths: StorePaths, view: ChannelView): SeenChannel | undefined {
  const own = paths.seen(view.place, view.tag, view.policy);
  return readRecord(paths, own, view) ?? seenByOthers(paths, view);
}

/** What begins the record of who looks for the first time: a policy may have got another key. */
function seenByOthers(paths: StorePaths, view: ChannelView): SeenChannel | undefined {
  const [channel = ''] = basename(paths.seen(view.place, view.tag, view.policy)).split('-');
  const [highest] = seenFiles(paths)
    .filter((path) => basename(path).startsWith(`${channel}-`))
    .flatMap((path) => readRecord(paths, path, view) ?? [])
    .filter(({ proof }) => view.isProof(new Set(proof.signers)))
    .sort((a, b) => b.step - a.step);
  return highest;
}

function readRecord(
  paths: StorePaths,
  path: string,
  { place, tag }: Pick<ChannelView, 'place' | 'tag'>,
): SeenChannel | undefined {
  const bytes = readBytes(path);
  if (bytes === undefined) return undefined;
  const seen = parseSeen(bytes, path);
  // The record of another channel, or of others, says nothing of this one.
  const isOwn =
    seen.place === place && seen.tag === tag && paths.seen(place, tag, seen.proof.policy) === path;
  return isOwn ? seen : parseSeen(Buffer.alloc(0), path);
}

/** Only that there is no file means that nothing was seen. */
function readBytes(path: string): Buffer | undefined {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') return Buffer.alloc(0);
    throw fromSystemError(error);
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= maxBytes ? readFileSync(fd) : Buffer.alloc(0);
  } catch (error) {
    throw fromSystemError(error);
  } finally {
    closeSync(fd);
  }
}

function readStatements(path: string): readonly KnownStatement[] {
  const read = orNothing(() => {
    const { statements } = v.parse(statementsSchema, JSON.parse((readBytes(path) ?? '').toString()));
    return statements;
  });
  return read ?? [];
}
