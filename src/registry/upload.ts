import type { OpenContent } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { blobExists } from './blob-exists.js';
import type { Limits } from './limits.js';
import type { HttpResponse } from './response.js';
import { isRetryable, isRetryableAnswer, Setbacks } from './retry.js';
import { isWebPage, webPageError } from './status-error.js';
import { firstChunk, smallerChunk } from './upload-habits.js';
import { beginSession, mountOrBegin, type UploadSession, type UploadTo } from './upload-session.js';
import { UploadSource } from './upload-source.js';
import { publicUrl } from './url.js';

/** Smaller content is sent again rather than asked after, in bytes. */
const worthResuming = 1024 * 1024;
/** What registries answer for a session that they do not know any more. */
const lostReasons = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'];

/** What to upload, and to where. */
export interface Upload extends UploadTo {
  readonly limits: Limits;
  readonly open: OpenContent;
  /** Repositories of the same registry that may have the blob. */
  readonly mountFrom: readonly string[];
}

/**
 * Uploads a blob, and looks that the registry really has it (distribution specification, "Pushing blobs"). It is mounted where
 * that is possible; else it goes as a whole by POST, then PUT. A transfer that breaks off goes on in chunks from where the
 * registry says that it stands, and where it does not know a new session is begun. Where a body is too large for something
 * on the way, chunks are used for all that is as large as long as the client lives. It ends after `Limits.tries` failures
 * without progress in between.
 * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH` (of the content), `RESPONSE_INVALID`, `REGISTRY_UNAVAILABLE`,
 * what `open` throws, and as `RegistryHost.send` does
 */
export async function uploadBlob(upload: Upload): Promise<void> {
  const transfer = new Transfer(upload);
  try {
    await transfer.run();
  } finally {
    transfer.close();
  }
}

/** One request of an upload: bytes of the content, and whether it closes the session. */
interface Part {
  readonly start: number;
  readonly length: number;
  readonly closes: boolean;
}

/** A blob on its way; each step is one request and what follows from its answer. */
class Transfer {
  readonly #upload: Upload;
  readonly #source: UploadSource;
  readonly #setbacks: Setbacks;
  /** How many bytes a registry had at most, as far as is known. */
  #best = 0;
  /** How large the next chunk is, where nothing else limits it: a lost one makes it smaller, one that arrives larger. */
  #chunk = firstChunk;
  /** Whether what a session holds can be relied on. */
  #mayResume: boolean;

  constructor(upload: Upload) {
    this.#upload = upload;
    this.#source = new UploadSource(upload.open, upload.descriptor);
    this.#setbacks = new Setbacks(upload.host.pace, 0);
    this.#mayResume = upload.descriptor.size >= worthResuming;
  }

  close(): void {
    this.#source.close();
  }

  async run(): Promise<void> {
    let session: UploadSession | undefined;
    const begun = await mountOrBegin(this.#upload, this.#upload.mountFrom);
    if (begun !== 'mounted') session = begun;
    else if (await this.#isThere()) return;
    for (;;) {
      session ??= await beginSession(this.#upload);
      const before: UploadSession = session;
      try {
        const next = await this.#step(before);
        if (next === 'done') return this.#setbacks.over(before.location);
        session = next;
      } catch (error) {
        if (isWorthCancelling(error)) await before.cancel();
        throw error;
      }
    }
  }

  /** Sends the next part; returns the session to go on with, or undefined where a new one is needed. */
  async #step(session: UploadSession): Promise<UploadSession | undefined | 'done'> {
    const { what } = this.#upload;
    const part = this.#nextPart(session);
    let response: HttpResponse;
    try {
      response = await this.#send(session, part);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await this.#pauseAfter(error, session);
      // It may have been the answer only that was lost.
      const isAllSent = part.closes && (part.length === 0 || this.#source.reached === part.length);
      if (isAllSent && (await this.#isThere())) return 'done';
      this.#chunk = smallerChunk(Math.min(part.length, this.#chunk)) ?? this.#chunk;
      return this.#resumed(session);
    }
    if (response.status === 200 && isWebPage(response)) throw webPageError(response, `the upload of ${what}`);
    if (response.status < 200 || response.status > 299) return this.#afterRefusal(session, part, response);
    response.discard();
    if (part.closes) {
      checkStated(response, this.#upload);
      if (await this.#isThere()) return 'done';
      await this.#pauseAfter(vanished(this.#upload), session);
      return undefined;
    }
    // A Range that tells less is not obeyed: ECR's stands still, others tell of the last chunk. Who really has less says 416.
    const end = part.start + part.length;
    // ECR may close the session with the last chunk.
    if (response.status === 201 && end === this.#upload.descriptor.size && (await this.#isThere()))
      return 'done';
    session.advance(end, response);
    this.#chunk = Math.min(firstChunk, 2 * this.#chunk);
    this.#best = Math.max(this.#best, end);
    return session;
  }

  #nextPart(session: UploadSession): Part {
    const { size } = this.#upload.descriptor;
    const { maxBody } = this.#upload.host.uploads;
    const { offset, chunked, minChunk } = session;
    if (offset === 0 && !chunked && size <= maxBody) return { start: 0, length: size, closes: true };
    session.chunked = true;
    const length = Math.min(size - offset, Math.max(minChunk, Math.min(this.#chunk, maxBody)));
    return { start: offset, length, closes: length === 0 };
  }

  #send(session: UploadSession, { start, length, closes }: Part): Promise<HttpResponse> {
    const { host, repository } = this.#upload;
    return host.sendOnce({
      method: closes ? 'PUT' : 'PATCH',
      target: closes ? session.closing : session.location,
      headers: {
        'content-type': 'application/octet-stream',
        ...(closes ? {} : { 'content-range': `${start}-${start + length - 1}` }),
      },
      body: { length, open: () => this.#source.part(start, length) },
      permission: { repository, access: 'push' },
    });
  }

  async #afterRefusal(
    session: UploadSession,
    part: Part,
    response: HttpResponse,
  ): Promise<UploadSession | undefined> {
    const { host, what } = this.#upload;
    const { status } = response;
    const isPassing = isRetryableAnswer(response);
    if (isPassing) {
      const failures = this.#setbacks.count(this.#best, session.location);
      if (host.pace.allowsAnother(session.location, failures)) {
        response.discard();
        await host.pace.pauseAfterAnswer(response, failures);
        return this.#resumed(session);
      }
    }
    const error = await host.refusal(response, { what: `the upload of ${what}`, hint: hintOf(status) });
    if (isPassing) throw error;
    if (mayShrink(session, part, status)) {
      host.uploads.refused(part.length);
      session.chunked = true;
      return this.#resumed(session);
    }
    const isLost = status === 404 || status === 410 || hasReason(error, lostReasons);
    const isMixedUp = session.chunked && (!this.#needsChunks || hasReason(error, ['DIGEST_INVALID']));
    if (status !== 416 && !isLost && !isMixedUp) throw error;
    await this.#pauseAfter(error, session);
    if (isLost) return undefined;
    const resumed = status === 416 ? await this.#resumed(session) : undefined;
    if (resumed !== undefined && resumed.offset !== part.start) return resumed;
    // It knows no chunks, puts them together wrongly, or refuses what it asked for: its sessions are not relied on any more.
    this.#mayResume = false;
    await session.cancel();
    return undefined;
  }

  /** The session, where the registry tells how far it is; undefined where a new one is needed. */
  async #resumed(session: UploadSession): Promise<UploadSession | undefined> {
    if (!this.#mayResume) return undefined;
    const sent = Math.max(session.offset, this.#source.reached);
    if (!(await session.refresh(sent))) return undefined;
    session.chunked = true;
    this.#best = Math.max(this.#best, session.offset);
    return session;
  }

  get #needsChunks(): boolean {
    return this.#upload.descriptor.size > this.#upload.host.uploads.maxBody;
  }

  #isThere(): Promise<boolean> {
    const { host, repository, descriptor } = this.#upload;
    return blobExists(host, repository, descriptor, 'push');
  }

  /** @throws `error` where there were too many */
  async #pauseAfter(error: unknown, { location }: UploadSession): Promise<void> {
    const { pace } = this.#upload.host;
    const failures = this.#setbacks.count(this.#best, location);
    if (!pace.allowsAnother(location, failures)) throw error;
    await pace.pause(location, failures);
  }
}

/** Where nobody answers, or we may do nothing, nobody is asked to forget a session. */
function isWorthCancelling(error: unknown): boolean {
  return !(isEngineshedError(error) && (error.kind === 'unavailable' || error.kind === 'permission'));
}

/** Whether smaller requests may help: the body was too large, or the whole is not taken in one request at all. */
function mayShrink({ chunked, minChunk }: UploadSession, { length }: Part, status: number): boolean {
  const isTooLarge = status === 413 || (!chunked && (status === 405 || status === 501));
  return isTooLarge && length > minChunk && smallerChunk(length) !== undefined;
}

function hintOf(status: number): string | undefined {
  if (status !== 413) return undefined;
  return 'The registry, or a proxy before it, limits how large a request or a blob may be; ask its operator for more.';
}

function hasReason({ details }: EngineshedError, reasons: readonly string[]): boolean {
  return details.reasons?.some((reason) => reasons.includes(reason)) ?? false;
}

function checkStated(response: HttpResponse, { descriptor, what }: Upload): void {
  const stated = response.header('docker-content-digest');
  if (stated === undefined || stated === descriptor.digest || !sameAlgorithm(stated, descriptor.digest))
    return;
  throw new EngineshedError('DIGEST_MISMATCH', `${response.url.host} took ${what} for ${stated}`, {
    hint: 'Something on the way changes what is sent. Try again, and check proxies.',
    details: { expected: descriptor.digest, actual: stated, url: publicUrl(response.url) },
  });
}

/** A registry may tell its own canonical digest, of another algorithm than ours. */
function sameAlgorithm(one: string, other: string): boolean {
  return one.split(':', 1)[0] === other.split(':', 1)[0];
}

function vanished({ host, what }: Upload): EngineshedError {
  return new EngineshedError(
    'REGISTRY_UNAVAILABLE',
    `${host.registry} says that it took ${what}, but does not have it`,
    { hint: 'Try again later; nothing was tagged.' },
  );
}
