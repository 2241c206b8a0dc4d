import {
  type ByteStream,
  type FetchOptions,
  type OpenContent,
  type PushOptions,
  type Reporter,
  readAll,
  streamOf,
  type Target,
} from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { PullFromMirror } from '../mirrors/index.js';
import { type Descriptor, isDigest } from '../oci/index.js';

/** Content up to this many bytes is read whole before it counts as found, so that damaged content is taken from elsewhere. */
const wholeBytes = 1024 * 1024;

/** A mirror of a repository. */
export interface Mirror {
  readonly target: Target;
  /** Its registry, which is what fails when the network does. */
  readonly registry: string;
  readonly pull: PullFromMirror;
}

/** A repository with its mirrors. */
export interface MirroredOptions {
  /** The repository as references name it. */
  readonly label: string;
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[];
  readonly location: Target;
  readonly known: MirrorFailures;
  /** Called before each write, of which all go to the location. */
  readonly beforeWrite: () => void;
}

/** What is known of the mirrors that failed in this run. */
export class MirrorFailures {
  readonly #down = new Map<string, EngineshedError>();
  readonly #told = new Set<string>();
  readonly #report: Reporter;

  constructor(report: Reporter) {
    this.#report = report;
  }

  /** Why a mirror is not asked again. */
  down({ registry }: Mirror): EngineshedError | undefined {
    return this.#down.get(registry);
  }

  /** Takes note of a failure, and tells of it where it is the first of its sort at that mirror. */
  note({ registry }: Mirror, error: EngineshedError): void {
    if (isOfNetwork(error)) this.#down.set(registry, error);
    const sort = `${registry} ${error.code}`;
    if (this.#told.has(sort)) return;
    this.#told.add(sort);
    const message = `A mirror is passed over: ${error.message}`;
    this.#report({ type: 'warning', message });
  }
}

/**
 * A repository that is read from its mirrors, one after the other, and at last from its location, and written to the location
 * only. Every failure of a mirror leads to the next place: of the network, of TLS, of a login, missing content, an answer that
 * is none, content that is not what it should be. A mirror that the network failed is not asked again. What a mirror says for
 * a tag is taken; content is verified by its digest wherever it comes from. Whether content exists is asked of the location,
 * since it matters to those who write.
 */
export function mirroredTarget(options: MirroredOptions): Target {
  const { label, location, beforeWrite } = options;
  const places = new ReadPlaces(options);
  return {
    label,
    repository: location.repository,
    resolve: (tagOrDigest) =>
      isDigest(tagOrDigest)
        ? places.read('digest', (target) => target.resolve(tagOrDigest))
        : places.read('tag', (target) => target.resolve(tagOrDigest)),
    fetch: (descriptor, fetchOptions) =>
      places.read('digest', (target) => fetchFrom(target, descriptor, fetchOptions)),
    exists: (descriptor) => location.exists(descriptor),
    tags: () => places.list('tag', (target) => target.tags()),
    referrers: (subject, artifactType) =>
      places.list('digest', (target) => target.referrers(subject, artifactType)),
    async push(descriptor: Descriptor, open: OpenContent, pushOptions?: PushOptions) {
      beforeWrite();
      await location.push(descriptor, open, pushOptions);
    },
    async tag(descriptor, tag) {
      beforeWrite();
      await location.tag(descriptor, tag);
    },
  };
}

async function fetchFrom(
  target: Target,
  descriptor: Descriptor,
  options: FetchOptions | undefined,
): Promise<ByteStream> {
  const stream = await target.fetch(descriptor, options);
  return descriptor.size > wholeBytes ? stream : streamOf(await readAll(stream, descriptor, wholeBytes));
}

/** What a read names: content, or a tag. */
type Wanted = 'digest' | 'tag';

class ReadPlaces {
  readonly #options: MirroredOptions;
  /** Mirrors that are for tags only and gave one; what it stands for is asked of them too. */
  readonly #gaveTag = new Set<Mirror>();

  constructor(options: MirroredOptions) {
    this.#options = options;
  }

  /** Reads from the first place that can. */
  async read<T>(wanted: Wanted, attempt: (target: Target) => Promise<T>): Promise<T> {
    const failures: EngineshedError[] = [];
    for (const mirror of this.#mirrors(wanted, failures)) {
      try {
        const found = await attempt(mirror.target);
        if (wanted === 'tag') this.#gaveTag.add(mirror);
        return found;
      } catch (error) {
        failures.push(this.#passedOver(mirror, error));
      }
    }
    try {
      return await attempt(this.#options.location);
    } catch (error) {
      throw withFailures(error, failures);
    }
  }

  /**
   * Lists what the first place has that has anything; where a place fails in the middle, what the next one has is added. Each
   * is yielded once.
   */
  async *list<T extends string | Descriptor>(
    wanted: Wanted,
    listOf: (target: Target) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const seen = new Set<string>();
    const fresh = async function* (target: Target) {
      for await (const entry of listOf(target)) {
        const name = typeof entry === 'string' ? entry : entry.digest;
        if (seen.has(name)) continue;
        seen.add(name);
        yield entry;
      }
    };
    const failures: EngineshedError[] = [];
    for (const mirror of this.#mirrors(wanted, failures)) {
      try {
        yield* fresh(mirror.target);
        if (seen.size > 0) return;
      } catch (error) {
        failures.push(this.#passedOver(mirror, error));
      }
    }
    try {
      yield* fresh(this.#options.location);
    } catch (error) {
      throw withFailures(error, failures);
    }
  }

  /** The mirrors to ask. Why others are not asked any more is added to `failures`. */
  *#mirrors(wanted: Wanted, failures: EngineshedError[]): Generator<Mirror> {
    for (const mirror of this.#options.mirrors) {
      const isFor =
        mirror.pull === 'all' ||
        mirror.pull === `${wanted}-only` ||
        (wanted === 'digest' && this.#gaveTag.has(mirror));
      if (!isFor) continue;
      const down = this.#options.known.down(mirror);
      if (down === undefined) yield mirror;
      else failures.push(down);
    }
  }

  /** @throws what has another cause than the mirror */
  #passedOver(mirror: Mirror, error: unknown): EngineshedError {
    if (!mayLieWithMirror(error)) throw error;
    this.#options.known.note(mirror, error);
    return error;
  }
}

function mayLieWithMirror(error: unknown): error is EngineshedError {
  return isEngineshedError(error) && ['unavailable', 'notFound', 'permission', 'data'].includes(error.kind);
}

/** Whether the registry as a whole could not be spoken to; an answer with a status is one of its own. */
function isOfNetwork(error: EngineshedError): boolean {
  return (
    error.kind === 'unavailable' && (error.details.status === undefined || error.code === 'RATE_LIMITED')
  );
}

function withFailures(error: unknown, failures: readonly EngineshedError[]): unknown {
  if (!isEngineshedError(error) || failures.length === 0) return error;
  const messages = [...new Set(failures.map(({ message }) => message))];
  const hints = new Set(
    [error.hint, ...failures.map(({ hint }) => hint)].filter((hint) => hint !== undefined),
  );
  return new EngineshedError(
    error.code,
    `${error.message}; before that, of its mirrors: ${messages.join('; ')}`,
    {
      hint: hints.size === 0 ? undefined : [...hints].join(' '),
      cause: error,
      details: error.details,
    },
  );
}
