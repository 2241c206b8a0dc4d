import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { type Descriptor, digestAlgorithm } from '../oci/index.js';
import type { Permission } from './auth.js';
import type { RegistryHost, RegistryRequest } from './host.js';
import type { HttpResponse } from './response.js';
import { parseServerUrl, publicUrl } from './url.js';

/** How many repositories are tried for mounting one blob. */
const maxCandidates = 3;
/** How long we wait for a session to be cancelled, in milliseconds: nothing depends on it. */
const cancelMs = 2000;

/** The blob that a session is for, and the repository that it goes to. */
export interface UploadTo {
  readonly host: RegistryHost;
  readonly repository: string;
  readonly descriptor: Descriptor;
  /** What it is called in errors. */
  readonly what: string;
}

/** An upload session of a registry: where the next bytes go, and how many came. */
export class UploadSession {
  /** Where the next bytes go. It may be elsewhere; `RegistryHost` sends credentials to the registry's own origin only (C04). */
  location: URL;
  /** How many bytes the registry has, as far as is known. */
  offset = 0;
  /** The least size of a chunk but the last, in bytes. */
  minChunk = 0;
  /** Whether the content goes in chunks; else the whole goes at once. */
  chunked = false;
  readonly #to: UploadTo;

  /** @throws EngineshedError `RESPONSE_INVALID` where the answer names no usable location */
  constructor(to: UploadTo, response: HttpResponse) {
    this.#to = to;
    this.location = response.url;
    if (!this.#follow(response)) {
      throw new EngineshedError(
        'RESPONSE_INVALID',
        `${response.url.host} began an upload and did not say where`,
        { details: { url: publicUrl(response.url), status: response.status } },
      );
    }
  }

  /** Notes that all bytes before `offset` were taken. */
  advance(offset: number, response: HttpResponse): void {
    this.offset = offset;
    this.#follow(response);
  }

  /**
   * Asks how many bytes the registry has (distribution specification, "Pushing a blob in chunks", GET).
   * @param sent how many bytes were sent at most; who claims to have more is not believed
   * @returns false where the session cannot be gone on with
   */
  async refresh(sent: number): Promise<boolean> {
    const { host, repository } = this.#to;
    const response = await host.send({
      method: 'GET',
      target: this.location,
      permission: { repository, access: 'push' },
    });
    response.discard();
    const isThere = response.status === 204 || response.status === 202 || response.status === 200;
    const offset = isThere ? endOfRange(response.header('range')) : undefined;
    if (offset === undefined || offset > sent) return false;
    this.advance(offset, response);
    return true;
  }

  /** The location to close the session at. It is the server's to word: the digest is added, and nothing else written anew. */
  get closing(): URL {
    const { href, search } = this.location;
    const digest = encodeURIComponent(this.#to.descriptor.digest);
    return new URL(`${href.replace(/\?$/, '')}${search === '' ? '?' : '&'}digest=${digest}`);
  }

  /** Lets the registry forget the session (distribution specification, "Cancel a blob upload"); it need not work. */
  async cancel(): Promise<void> {
    const { host, repository } = this.#to;
    try {
      const response = await host.sendOnce({
        method: 'DELETE',
        target: this.location,
        permission: { repository, access: 'push' },
        signal: AbortSignal.timeout(cancelMs),
      });
      response.discard();
    } catch {
      // The registry ends what is left over by itself.
    }
  }

  #follow(response: HttpResponse): boolean {
    this.minChunk = Math.max(this.minChunk, minLength(response));
    const location = response.header('location');
    if (location === undefined) return false;
    const url = parseServerUrl(location, response.url, 'upload location');
    if (this.#to.host.isOwn(url) && !this.#to.host.isOwn(response.url)) throw leadsBack(response, url);
    this.location = url;
    return true;
  }
}

/** What is sent to the registry carries credentials: no other origin may say where in it (C04). */
function leadsBack(response: HttpResponse, location: URL): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${response.url.host} named an upload location in the registry, ${publicUrl(location)}`,
    { details: { url: publicUrl(response.url), status: response.status } },
  );
}

/**
 * Begins an upload session by POST.
 * @throws EngineshedError `RESPONSE_INVALID`, and as `RegistryHost.send` does
 */
export async function beginSession(to: UploadTo): Promise<UploadSession> {
  const response = await post(to, {}, {});
  if (response.status !== 202)
    throw await to.host.refusal(response, { what: `an upload session for ${to.what}` });
  response.discard();
  return new UploadSession(to, response);
}

/**
 * Tries to get a blob without sending it (distribution specification, "Mounting a blob from another repository"): from the
 * candidates one by one, and where there are none from wherever the registry knows it. A session that a registry begins
 * instead is used; whatever else it answers, an ordinary session is begun.
 * @returns `mounted` where the registry says so, else a session to upload by
 * @throws EngineshedError as {@link beginSession} does
 */
export async function mountOrBegin(
  to: UploadTo,
  candidates: readonly string[],
): Promise<UploadSession | 'mounted'> {
  let session: UploadSession | undefined;
  const others = candidates.filter((name) => name !== to.repository).slice(0, maxCandidates);
  for (const from of others) {
    const answer = await mount(to, from);
    if (answer === undefined) continue;
    await session?.cancel();
    if (answer === 'mounted') return answer;
    session = answer;
  }
  if (session === undefined && to.host.uploads.anonymousMount) {
    const answer = await mount(to, undefined);
    if (answer === undefined) to.host.uploads.anonymousMount = false;
    else return answer;
  }
  return session ?? beginSession(to);
}

/** One try; undefined where it is refused in a way that gives no session either. */
async function mount(to: UploadTo, from: string | undefined): Promise<UploadSession | 'mounted' | undefined> {
  let response: HttpResponse;
  try {
    const parameters = { mount: to.descriptor.digest, ...(from === undefined ? {} : { from }) };
    // Whoever cannot do this today need not be asked again.
    response = await post(to, parameters, { readFrom: from, isFinal: ({ status }) => status === 500 });
  } catch (error) {
    // A login that may not read there, or a token service that does not like to be asked for two repositories.
    if (isEngineshedError(error, 'UNAUTHORIZED', 'FORBIDDEN')) return undefined;
    throw error;
  }
  response.discard();
  if (response.status === 201) return 'mounted';
  return response.status === 202 ? new UploadSession(to, response) : undefined;
}

function post(
  { host, repository, descriptor }: UploadTo,
  parameters: Record<string, string>,
  options: Pick<RegistryRequest, 'isFinal'> & Pick<Permission, 'readFrom'>,
): Promise<HttpResponse> {
  const { readFrom, ...others } = options;
  const algorithm = digestAlgorithm(descriptor.digest);
  const query = new URLSearchParams({
    ...parameters,
    ...(algorithm === 'sha256' ? {} : { 'digest-algorithm': algorithm }),
  });
  const permission: Permission = { repository, access: 'push', readFrom };
  const target = `/v2/${repository}/blobs/uploads/${query.size === 0 ? '' : `?${query}`}`;
  return host.send({ method: 'POST', target, permission, ...others });
}

/**
 * How many bytes a `Range` of a session stands for; undefined where it says nothing. `0-0` is what registries say of none. Only
 * the end counts: some write `bytes=` before it, some give the range of the last chunk.
 */
function endOfRange(text: string | undefined): number | undefined {
  const found = /^(?:bytes[= ])?\d{1,15}-(-1|\d{1,15})$/.exec(text?.trim() ?? '');
  if (found === null) return undefined;
  const last = Number(found[1]);
  return last === 0 ? 0 : last + 1;
}

function minLength(response: HttpResponse): number {
  const text = response.header('oci-chunk-min-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
