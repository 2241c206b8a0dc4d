import { refusal, send } from '../answer.js';
import type { RecordedRequest } from '../request.js';
import { alter, type Occasion, readsBlob, type Script, strike } from '../script.js';

/** Answers requests for a range with the whole, as a registry without ranges does (200). Strikes what reads a range of a blob. */
export function ignoreRange(occasion: Occasion = {}): Script {
  const usual = (request: RecordedRequest) => readsBlob(request) && request.headers.range !== undefined;
  return strike(occasion, usual, async (request, response, proper) => {
    const { range: _range, ...headers } = request.headers;
    const answer = await proper({ ...request, headers });
    if (answer !== undefined) send(response, answer);
  });
}

/** Takes no HEAD (405). Strikes every HEAD. */
export function noHead(occasion: Occasion = {}): Script {
  const usual = ({ method }: RecordedRequest) => method === 'HEAD';
  return strike(occasion, usual, (_request, response) =>
    send(response, refusal(405, 'UNSUPPORTED', 'no HEAD')),
  );
}

/**
 * Has no referrers API, as before version 1.1 of the distribution specification: lists are not there (404), and the answer to
 * the push of a manifest with a subject has no `OCI-Subject`. Strikes both.
 */
export function noReferrers(occasion: Occasion = {}): Script {
  const usual = ({ kind, method }: RecordedRequest) =>
    kind === 'referrers' || (kind === 'manifest' && method === 'PUT');
  return alter(occasion, usual, (proper, { kind }) => {
    if (kind === 'referrers') return refusal(404, 'UNSUPPORTED', 'no such address');
    const { 'oci-subject': _subject, ...headers } = proper.headers;
    return { ...proper, headers };
  });
}

/** Mounts nothing, and begins an upload instead (202), as the specification allows. Strikes requests to mount a blob. */
export function noMount(occasion: Occasion = {}): Script {
  const usual = ({ kind, query }: RecordedRequest) => kind === 'upload' && query.has('mount');
  return strike(occasion, usual, async (request, response, proper) => {
    const answer = await proper({ ...request, query: new URLSearchParams() });
    if (answer !== undefined) send(response, answer);
  });
}
