/** What `read` gives; undefined where it throws: what cannot be read counts as damaged. */
export function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
