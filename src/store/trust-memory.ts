import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { replaceFile, uniqueSuffix } from '../files/index.js';
import type { Digest } from '../oci/index.js';
import type { FoundTrust, KnownStatement, TrustMemory } from '../trust/memory.js';
import { formatSeen, parseSeen, type SeenChannel } from '../trust/seen.js';
import { entriesOf, makeOwnDirectory } from './directory.js';
import { orNothing } from './or-nothing.js';
import { type Store, transaction, withLock } from './store.js';

/** The longest file of a channel, or of an image's statements, in bytes. */
const maxBytes = 4 * 1024 * 1024;

/**
 * What a store remembers of channels and signatures. What was seen of a channel is on the disk before anything that was asked because of
 * it can come to stand; a file of it that is damaged is told, and never taken for none.
 */
export function trustMemory(store: Store): TrustMemory {
  const { paths } = store;
  return {
    seen: (repository, tag) => readSeen(paths.seen(repository, tag), repository, tag),
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
          for (const { repository, tag, next } of channels) {
            const path = paths.seen(repository, tag);
            write(path, formatSeen(next(readSeen(path, repository, tag))));
          }
        }),
      ),
  };
}
