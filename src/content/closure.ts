import { EngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  maxReferrers,
  type ParsedManifest,
  successors,
} from '../oci/index.js';
import { readManifest } from './image.js';
import { mapLimited } from './limit.js';
import type { ContentStore, ReferrerSource } from './types.js';

/** How many manifests one copy may meet, referrers apart. */
const maxManifests = 1000;
/** How many manifests are read at the same time. */
const concurrentReads = 4;
/** The bytes of manifests that are kept, so that they need not be read a second time. */
const maxKeptBytes = 16 * 1024 * 1024;

/** A place that a copy reads. */
export type CopySource = Pick<ContentStore, 'fetch'> & ReferrerSource;

/** What an image or index leads to. */
export interface Closure {
  /** The manifests and indexes, those that others lead to before them; in groups, none of which needs one of its own. */
  readonly levels: readonly (readonly Descriptor[])[];
  /** The manifests that refer to those, each after its subject. */
  readonly referrers: readonly Descriptor[];
  /** Configs, layers and all other content, each once, in the order in which manifests name it. */
  readonly blobs: readonly Descriptor[];
  /** Those of the manifests that have a subject. */
  readonly withSubject: ReadonlySet<Digest>;
  /** The bytes of manifests, as far as they were kept. */
  readonly bytes: ReadonlyMap<Digest, Uint8Array>;
}

interface Node {
  readonly descriptor: Descriptor;
  readonly blobs: readonly Descriptor[];
  readonly children: readonly Node[];
}

/**
 * Finds all that an image or index leads to, by reading its manifests, several at a time. The order is the same every time.
 * @param referrers whether what refers to the manifests, and to that again, belongs to it
 * @throws EngineshedError `MANIFEST_INVALID` where there are more than 1,000 manifests or 10,000 referrers, and as
 * `readManifest` and `ReferrerSource.referrers` do
 */
export async function findClosure(
  from: CopySource,
  root: Descriptor,
  referrers: 'leave' | 'bring',
): Promise<Closure> {
  const reader = new ManifestReader(from, root);
  const image = await reader.visit(root);
  const closure = new Flattened();
  closure.place(image);
  let listed = 0;
  for (let fresh = closure.takeFresh(); referrers === 'bring' && fresh.length > 0; ) {
    const lists = await mapLimited(fresh, concurrentReads, async (subject) => {
      const list: Descriptor[] = [];
      for await (const referrer of from.referrers(subject)) {
        if (++listed > maxReferrers)
          throw tooMany(root, `and what it leads to have more than ${maxReferrers} referrers`);
        list.push(referrer);
      }
      return mapLimited(list, concurrentReads, (referrer) => reader.visitReferrer(referrer, subject));
    });
    for (const node of lists.flat()) if (node !== undefined) closure.follow(node);
    fresh = closure.takeFresh();
  }
  const { levels, blobs } = closure;
  const { withSubject, bytes } = reader;
  return { levels, referrers: closure.referrers, blobs: [...blobs.values()], withSubject, bytes };
}

/** Reads manifests, each once. */
class ManifestReader {
  readonly bytes = new Map<Digest, Uint8Array>();
  readonly withSubject = new Set<Digest>();
  readonly #from: CopySource;
  readonly #root: Descriptor;
  readonly #nodes = new Map<Digest, Promise<Node>>();
  #kept = 0;
  #referring = 0;

  constructor(from: CopySource, root: Descriptor) {
    this.#from = from;
    this.#root = root;
  }

  /** What a manifest leads to. A digest cannot lead to itself, so this ends. */
  visit(descriptor: Descriptor, known?: ParsedManifest): Promise<Node> {
    const begun = this.#nodes.get(descriptor.digest);
    if (begun !== undefined) return begun;
    if (known === undefined && this.#nodes.size - this.#referring >= maxManifests)
      throw tooMany(this.#root, `leads to more than ${maxManifests} manifests`);
    const node = this.#look(descriptor, known);
    this.#nodes.set(descriptor.digest, node);
    return node;
  }

  /** {@link visit} for what a list says to refer to `subject`, which is only the word of who wrote the list. */
  async visitReferrer(descriptor: Descriptor, subject: Descriptor): Promise<Node | undefined> {
    if (this.#nodes.has(descriptor.digest)) return this.visit(descriptor);
    const parsed = await this.#read(descriptor);
    if (subjectOf(parsed)?.digest !== subject.digest) return undefined;
    this.#referring++;
    return this.visit(descriptor, parsed);
  }

  async #look(descriptor: Descriptor, known: ParsedManifest | undefined): Promise<Node> {
    const next = successors(known ?? (await this.#read(descriptor)));
    const isManifest = ({ mediaType }: Descriptor) => isManifestType(mediaType) || isIndexType(mediaType);
    const children = await mapLimited(next.filter(isManifest), concurrentReads, (child) => this.visit(child));
    return { descriptor, blobs: next.filter((entry) => !isManifest(entry)), children };
  }

  async #read(descriptor: Descriptor): Promise<ParsedManifest> {
    const { bytes, parsed } = await readManifest(this.#from, descriptor);
    if (!this.bytes.has(descriptor.digest) && this.#kept + bytes.length <= maxKeptBytes) {
      this.#kept += bytes.length;
      this.bytes.set(descriptor.digest, bytes);
    }
    if (subjectOf(parsed) !== undefined) this.withSubject.add(descriptor.digest);
    return parsed;
  }
}

/** Nodes in the order in which a place can take them. */
class Flattened {
  readonly levels: Descriptor[][] = [];
  readonly referrers: Descriptor[] = [];
  readonly blobs = new Map<Digest, Descriptor>();
  readonly #heights = new Map<Digest, number>();
  #fresh: Descriptor[] = [];

  /** Takes an image, and what it leads to before it. */
  place(node: Node): number {
    const { digest } = node.descriptor;
    const known = this.#heights.get(digest);
    if (known !== undefined) return known;
    const height = Math.max(-1, ...node.children.map((child) => this.place(child))) + 1;
    this.#take(node, height);
    this.levels[height] = [...(this.levels[height] ?? []), node.descriptor];
    return height;
  }

  /** Takes a referrer, and what it leads to before it. */
  follow(node: Node): void {
    if (this.#heights.has(node.descriptor.digest)) return;
    for (const child of node.children) this.follow(child);
    this.#take(node, 0);
    this.referrers.push(node.descriptor);
  }

  /** The manifests that were taken since the last call. */
  takeFresh(): readonly Descriptor[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  #take(node: Node, height: number): void {
    this.#heights.set(node.descriptor.digest, height);
    this.#fresh.push(node.descriptor);
    for (const blob of node.blobs) if (!this.blobs.has(blob.digest)) this.blobs.set(blob.digest, blob);
  }
}

function subjectOf(parsed: ParsedManifest): Descriptor | undefined {
  return parsed.kind === 'index' ? parsed.index.subject : parsed.manifest.subject;
}

function tooMany(root: Descriptor, reason: string): EngineshedError {
  return new EngineshedError('MANIFEST_INVALID', `${root.digest} ${reason}`);
}
