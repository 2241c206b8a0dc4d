import { type FaultKind, showName, type TreeFault } from '../layer/index.js';

/** What of a store is damaged. */
export interface Fault {
  readonly what: 'layer' | 'tree' | 'state' | 'blob' | 'name' | 'project' | 'channel';
  /**
   * Which one: the diffID of a layer, the chain ID of a tree, the digest of a blob, `NAME/ID` of a state, the name of a name, the file
   * that remembers a project or a channel.
   */
  readonly id: string;
  /** The engines that need it, sorted; none where no engine does. */
  readonly engines: readonly string[];
  /** The damaged path, from the root of the store; bytes that are not UTF-8 read `\xNN`. */
  readonly path: string;
  readonly fault: FaultKind;
  /** For people; left out where that tells nothing. */
  readonly expected?: string;
  readonly actual?: string;
}

/** How many faults of one thing are listed; the others are counted. */
const listedFaults = 1000;

/** Gathers the faults of one thing of the store. */
export class FaultList {
  readonly faults: Fault[] = [];
  /** How many faults are not listed. */
  omitted = 0;
  readonly #about: Pick<Fault, 'what' | 'id' | 'engines'>;
  readonly #place: string;

  /** @param place where the thing stands, from the root of the store */
  constructor(what: Fault['what'], id: string, engines: ReadonlySet<string>, place: string) {
    this.#about = { what, id, engines: [...engines].sort() };
    this.#place = place;
  }

  /** How many faults there are, listed or not. */
  get count(): number {
    return this.faults.length + this.omitted;
  }

  /** @param path below the place; empty for the place itself */
  add(path: string, { fault, expected, actual }: Omit<TreeFault, 'path'>): void {
    if (this.faults.length >= listedFaults) {
      this.omitted++;
      return;
    }
    this.faults.push({
      ...this.#about,
      path: path === '' ? this.#place : `${this.#place}/${showName(path)}`,
      fault,
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
    });
  }
}
