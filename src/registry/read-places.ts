import type { ByteStream, Reporter, Target } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { PullFromMirror } from '../mirrors/index.js';
import type { Descriptor } from '../oci/index.js';
import { type Download, openDownload } from './download.js';
import type { Repository } from './repository.js';

/** A mirror of a repository. */
export interface Mirror {
  readonly target: Repository;
  /** Its registry, which is what fails when the network does. */
  readonly registry: string;
  readonly pull: PullFromMirror;
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

/** What is read: what a tag stands for, a manifest, or other content. */
export type Wanted = 'tag' | 'manifest' | 'blob';

/** What places are read from. */
export interface ReadOptions {
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[];
  /** Asked last. */
  readonly location: Repository;
  readonly known: MirrorFailures;
}

/** The places of one repository that are read from, in their order. */
export class ReadPlaces {
  readonly #options: ReadOptions;
  /** Mirrors that are for tags only and gave one; what it stands for is asked of them too. */
  readonly #gaveTag = new Set<Mirror>();
  /** Mirrors that lack an image: what images are made of is asked of them last. */
  readonly #lacking = new Set<Mirror>();

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /**
   * Reads from the first place that can.
   * @throws what the location throws, with what the mirrors said, and what does not lie with a place
   */
  async read<T>(wanted: Wanted, attempt: (repository: Repository) => Promise<T>): Promise<T> {
    const failures: EngineshedError[] = [];
    let last: unknown;
    for (const mirror of this.#order(wanted, failures)) {
      try {
        if (mirror === undefined) return await attempt(this.#options.location);
        const found = await attempt(mirror.target);
        if (wanted === 'tag') this.#gaveTag.add(mirror);
        if (wanted !== 'blob') this.#lacking.delete(mirror);
        return found;
      } catch (error) {
        if (!mayLieWithPlace(error)) throw error;
        if (mirror === undefined) last = error;
        else failures.push(this.#noted(mirror, wanted, error));
      }
    }
    throw withFailures(last, failures);
  }

  /**
   * Opens a download from the first place that can; where it breaks off, it goes on from the next.
   * @throws as {@link read} does
   */
  download(of: (repository: Repository) => Download): Promise<ByteStream> {
    const failures: EngineshedError[] = [];
    const order = this.#order('blob', failures);
    let last: unknown;
    let mirror: Mirror | undefined;
    const elsewhere = (error: unknown): Download => {
      if (!mayLieWithPlace(error)) throw error;
      if (mirror === undefined) last = error;
      else failures.push(this.#noted(mirror, 'blob', error));
      return next();
    };
    const next = (): Download => {
      const place = order.next();
      if (place.done) throw withFailures(last, failures);
      mirror = place.value;
      return { ...of(mirror?.target ?? this.#options.location), elsewhere };
    };
    return openDownload(next());
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
    for (const mirror of this.#order(wanted, failures)) {
      if (mirror === undefined) break;
      try {
        yield* fresh(mirror.target);
        if (seen.size > 0) return;
      } catch (error) {
        if (!mayLieWithPlace(error)) throw error;
        failures.push(this.#noted(mirror, wanted, error));
      }
    }
    try {
      yield* fresh(this.#options.location);
    } catch (error) {
      throw withFailures(error, failures);
    }
  }

  /** The mirrors to ask, and undefined for the location. Why others are not asked any more is added to `failures`. */
  *#order(wanted: Wanted, failures: EngineshedError[]): Generator<Mirror | undefined, void, undefined> {
    const { mirrors, known } = this.#options;
    const kind = wanted === 'tag' ? 'tag-only' : 'digest-only';
    const asked = mirrors.filter(
      (mirror) => mirror.pull === 'all' || mirror.pull === kind || this.#gaveTag.has(mirror),
    );
    const isLast = (mirror: Mirror) => wanted === 'blob' && this.#lacking.has(mirror);
    const last = asked.filter(isLast);
    for (const mirror of [...asked.filter((mirror) => !last.includes(mirror)), undefined, ...last]) {
      const down = mirror === undefined ? undefined : known.down(mirror);
      if (down === undefined) yield mirror;
      else failures.push(down);
    }
  }

  #noted(mirror: Mirror, wanted: Wanted, error: EngineshedError): EngineshedError {
    this.#options.known.note(mirror, error);
    if (wanted !== 'blob' && error.kind === 'notFound') this.#lacking.add(mirror);
    return error;
  }
}

function mayLieWithPlace(error: unknown): error is EngineshedError {
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
  return new EngineshedError(error.code, `${error.message}; and of its mirrors: ${messages.join('; ')}`, {
    hint: hints.size === 0 ? undefined : [...hints].join(' '),
    cause: error,
    details: error.details,
  });
}
