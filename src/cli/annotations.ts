import { EngineshedError } from '../errors/index.js';
import { annotationKeys, formatTime } from '../oci/index.js';
import type { Host } from './host.js';

/**
 * The annotations of `--annotation KEY=VALUE`.
 * @throws EngineshedError `USAGE`
 */
export function parseAnnotations(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new EngineshedError('USAGE', `"${text}" is not an annotation`, {
        hint: 'Write --annotation KEY=VALUE.',
      });
    }),
  );
}

/**
 * `SOURCE_DATE_EPOCH` in seconds; undefined where it is not set.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function sourceDateEpoch(host: Host): number | undefined {
  const text = host.environment.SOURCE_DATE_EPOCH;
  if (text === undefined || text === '') return undefined;
  // The largest time that a tar header and an RFC 3339 date both can tell.
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new EngineshedError('CONFIG_INVALID', `SOURCE_DATE_EPOCH is "${text}", which is no time`, {
    hint: 'It is a number of seconds since 1970.',
  });
}

/** The annotation that tells when something was made, where `SOURCE_DATE_EPOCH` says so; the clock is never asked. */
export function createdAnnotation(host: Host): Record<string, string> {
  const time = sourceDateEpoch(host);
  return time === undefined ? {} : { [annotationKeys.created]: formatTime(time) };
}
