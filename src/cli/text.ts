/** A number of things for people: `1 layer`, `2 layers`, `3 entries`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** A time (RFC 3339, UTC) for people, to the minute: `2026-01-31 12:30`. Who shows it says that it is UTC. */
export function minuteOf(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}
