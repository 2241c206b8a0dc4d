import { limitError } from '../tar/faults.js';

/** What an entry takes beside its text, roughly, in bytes. */
const entryCost = 200;
/** Some three million entries with ordinary names: 768 MiB. */
const defaultLimit = 768 * 1024 * 1024;

/** How much memory the names, link targets and whiteouts of one or several trees may take. */
export class NameBudget {
  #left: number;
  readonly #limit: number;

  /** @param limit in bytes */
  constructor(limit: number = defaultLimit) {
    this.#limit = limit;
    this.#left = limit;
  }

  /**
   * Takes what an entry holds, some 200 bytes and its text.
   * @param textBytes of all its texts (see {@link textBytes})
   * @returns what was taken, in bytes
   * @throws EngineshedError `LAYER_LIMIT`
   */
  charge(textBytes: number, entry: string): number {
    const taken = entryCost + textBytes;
    this.#left -= taken;
    if (this.#left < 0) throw limitError('bytes of names', this.#limit, entry);
    return taken;
  }

  /** Gives back what was taken for something that is not kept any longer. */
  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** What a text takes in memory, in bytes, at the most. */
export function textBytes(text: string): number {
  return /[^\u0000-\u007f]/.test(text) ? 2 * text.length : text.length;
}
