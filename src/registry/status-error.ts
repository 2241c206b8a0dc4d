import * as v from 'valibot';
import { EngineshedError, type ErrorCode, sanitizeLine } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import { through } from './network-error.js';
import type { HttpResponse } from './response.js';
import { publicUrl } from './url.js';

/** How much of an error's body is read, in bytes, and shown, in characters. */
const maxBodyBytes = 64 * 1024;
const maxShown = 300;
const maxErrors = 3;

/** The body of a refusal (distribution specification, "Error Codes"). */
const errorsSchema = v.looseObject({
  errors: v.pipe(
    v.array(v.looseObject({ code: v.optional(v.string()), message: v.optional(v.string()) })),
    v.minLength(1),
  ),
});

/** What to say about a refusal. */
export interface StatusErrorOptions {
  /** What was asked for, for instance `the tags of ghcr.io/acme/engine`. */
  readonly what: string;
  /** Takes secrets out of what the server says. */
  readonly redact: (text: string) => string;
  /** The code, where it is not to be told from the status alone. */
  readonly code?: ErrorCode | undefined;
  /** What the user can do. */
  readonly hint?: string | undefined;
}

/**
 * The error of an answer that is not the one hoped for; reads its body. By status: 401 `UNAUTHORIZED`, 403 `FORBIDDEN`, 404
 * `CONTENT_NOT_FOUND`, 429 `RATE_LIMITED`, 5xx and 408 `REGISTRY_UNAVAILABLE`, others `RESPONSE_INVALID`.
 */
export async function statusError(
  response: HttpResponse,
  options: StatusErrorOptions,
): Promise<EngineshedError> {
  const { status, url } = response;
  const { text, reasons } = await whatItSays(response);
  const said = options.redact(text);
  const message = `${url.host}${through(response.via)} answered ${status} to the request for ${options.what}${said === '' ? '' : ` (${cut(sanitizeLine(said))})`}`;
  return new EngineshedError(options.code ?? codeOf(status), message, {
    hint: options.hint ?? hintOf(status),
    details: { url: publicUrl(url), status, ...(reasons.length === 0 ? {} : { reasons }) },
  });
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHORIZED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'CONTENT_NOT_FOUND';
  if (status === 429) return 'RATE_LIMITED';
  return status >= 500 || status === 408 ? 'REGISTRY_UNAVAILABLE' : 'RESPONSE_INVALID';
}

function hintOf(status: number): string | undefined {
  if (status === 429) return 'Try again later. Many registries allow more to those who are logged in.';
  return status >= 500 || status === 408 ? 'Try again later.' : undefined;
}

/** What a refusal says to people, and its error codes. */
async function whatItSays(response: HttpResponse): Promise<{ text: string; reasons: string[] }> {
  let body: Buffer;
  try {
    body = await response.readSome(maxBodyBytes);
  } catch {
    return { text: '', reasons: [] };
  }
  if (isWebPage(response)) return { text: 'with a web page', reasons: [] };
  try {
    const { errors } = v.parse(errorsSchema, parseJson(body, 'error'));
    const shown = errors.slice(0, maxErrors);
    const parts = shown.map(({ code, message }) => [code, message].filter((part) => part).join(': '));
    const codes = shown.map(({ code }) => code ?? '');
    return { text: parts.join('; '), reasons: codes.filter((code) => /^[A-Za-z_]{1,64}$/.test(code)) };
  } catch {
    return { text: body.toString('utf8').trim(), reasons: [] };
  }
}

/** Tells whether the answer is a page for people: that of a captive portal, a proxy or a login form (C12). */
export function isWebPage(response: HttpResponse): boolean {
  return response.mediaType === 'text/html' || response.mediaType === 'application/xhtml+xml';
}

/** The error of a page for people where an answer for programs was asked for; gives the page up. */
export function webPageError(response: HttpResponse, what: string): EngineshedError {
  response.discard();
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${response.url.host}${through(response.via)} answered with a web page instead of ${what}`,
    {
      hint:
        response.via === undefined
          ? 'A proxy or a network login may stand between here and the registry, or the name is not that of a registry.'
          : 'The proxy may want a login in a browser, or not allow this host; else the name is not that of a registry.',
      details: { url: publicUrl(response.url), status: response.status },
    },
  );
}

function cut(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}...`;
}
