/** What a look at one release found; `skip` where nobody can tell. */
export type BisectVerdict = 'good' | 'bad' | 'skip';

/** What a search found. */
export interface Bisected {
  /** The last release before which all was good, by its place. */
  readonly lastGood: number;
  /** The first release that is bad, by its place. */
  readonly firstBad: number;
  /** The places between them that could not be told; the fault came with one of these or with the first bad one. */
  readonly skipped: readonly number[];
}

/**
 * Finds the first bad one of releases that are in order, where the first is good and the last is bad: by halves, so that of `count`
 * about log2 are looked at. Where one cannot be told, its neighbours are asked.
 * @param count how many, at least 2
 * @param look tells of the one at a place
 */
export async function bisect(count: number, look: (at: number) => Promise<BisectVerdict>): Promise<Bisected> {
  const skipped = new Set<number>();
  let lastGood = 0;
  let firstBad = count - 1;
  for (;;) {
    const at = nearestMiddle(lastGood, firstBad, skipped);
    if (at === undefined) break;
    const verdict = await look(at);
    if (verdict === 'good') lastGood = at;
    else if (verdict === 'bad') firstBad = at;
    else skipped.add(at);
  }
  const between = [...skipped].filter((at) => at > lastGood && at < firstBad);
  return { lastGood, firstBad, skipped: between.sort((a, b) => a - b) };
}

/** The place nearest to the middle that was not skipped; undefined where nothing is left to look at. */
function nearestMiddle(good: number, bad: number, skipped: ReadonlySet<number>): number | undefined {
  const middle = Math.floor((good + bad) / 2);
  for (let distance = 0; distance < bad - good; distance++) {
    for (const at of [middle - distance, middle + distance])
      if (at > good && at < bad && !skipped.has(at)) return at;
  }
  return undefined;
}
