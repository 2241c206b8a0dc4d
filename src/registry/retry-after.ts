/** A request to wait for longer than this, in milliseconds, is taken for a mistake and not for a request: one week. */
const absurdMs = 7 * 24 * 3600 * 1000;

/**
 * How long a `Retry-After` header asks to wait, in milliseconds (RFC 9110, section 10.2.3): seconds, or a date, which is
 * measured from the server's own `Date`, so that the clock here does not matter. Undefined where there is none, where it
 * says nothing (a date without a `Date`), or where it is absurd.
 */
export function parseRetryAfter(
  retryAfter: string | undefined,
  date: string | undefined,
): number | undefined {
  if (retryAfter === undefined) return undefined;
  const text = retryAfter.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseHttpDate(text) - parseHttpDate(date ?? '');
  return Number.isFinite(ms) && ms <= absurdMs ? Math.max(0, ms) : undefined;
}

function parseHttpDate(text: string): number {
  return /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
}
