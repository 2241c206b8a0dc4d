import { type ByteStream, type FetchOptions, type OpenContent, readAll, streamOf } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestOf,
  isDigest,
  isIndexType,
  isManifestType,
  manifestAccept,
  maxManifestBytes,
} from '../oci/index.js';
import type { Permission } from './auth.js';
import { openDownload } from './download.js';
import type { RegistryHost } from './host.js';
import { KeptManifests } from './kept-manifests.js';
import type { Limits } from './limits.js';
import { agreedDigest, tooLarge } from './manifest-answer.js';
import { manifestMediaType } from './manifest-type.js';
import { probe } from './probe.js';
import type { HttpResponse } from './response.js';
import { isWebPage, type StatusErrorOptions, webPageError } from './status-error.js';

/** A manifest as one answer gave it. */
export interface ReadManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** The `ETag` of the answer. */
  readonly etag: string | undefined;
}

/** A manifest that a registry took. */
export interface PushedManifest {
  readonly bytes: Buffer;
  /** The subject that the registry says it has looked at (`OCI-Subject`). */
  readonly processedSubject: string | undefined;
}

/** The manifests and tags of one repository. */
export class Manifests {
  /** The repository, as in references. */
  readonly label: string;
  readonly #host: RegistryHost;
  /** Whether the registry took something from us: whoever is refused then is so for another reason than the login. */
  hasStored = false;
  readonly #limits: Limits;
  readonly #repository: string;
  /** Manifests that went through here whole. */
  readonly #kept = new KeptManifests();

  constructor(host: RegistryHost, limits: Limits, repository: string) {
    this.#host = host;
    this.#limits = limits;
    this.#repository = repository;
    this.label = `${host.registry}/${repository}`;
  }

  /**
   * The descriptor of the manifest that a tag or digest stands for: by HEAD, and by GET where a registry does not support
   * that or leaves out what is needed (distribution specification, "Checking if content exists in the registry").
   * @throws EngineshedError `REFERENCE_NOT_FOUND`, `MEDIA_TYPE_UNSUPPORTED` (Docker schema 1), `MANIFEST_TOO_LARGE`,
   * `DIGEST_MISMATCH`, `RESPONSE_INVALID`
   */
  async resolve(wanted: string): Promise<Descriptor> {
    const response = await this.#host.send(this.#request('HEAD', wanted, 'pull'));
    response.discard();
    if (response.status === 405 || response.status === 501) return (await this.read(wanted)).descriptor;
    if (response.status !== 200) throw await this.#notResolved(response, wanted);
    const { mediaType, contentLength: size } = response;
    if (isWebPage(response)) throw webPageError(response, this.#name(wanted));
    const digest = agreedDigest(response, { wanted, computed: undefined, what: this.#name(wanted) });
    if (digest === undefined || size === undefined || !(isManifestType(mediaType) || isIndexType(mediaType)))
      return (await this.read(wanted)).descriptor;
    if (size > maxManifestBytes) throw tooLarge(this.#name(wanted), size);
    return { mediaType, digest, size };
  }

  /**
   * Reads a manifest.
   * @throws EngineshedError `CONTENT_NOT_FOUND`, `MANIFEST_TOO_LARGE`, `MANIFEST_INVALID` where its `Content-Type` is that
   * of another kind of manifest, and as `openDownload` does
   */
  async fetch(descriptor: Descriptor, options: FetchOptions): Promise<ByteStream> {
    const what = this.#name(descriptor.digest);
    if (descriptor.size > maxManifestBytes) throw tooLarge(what, descriptor.size);
    const kept = this.#kept.get(descriptor.digest);
    if (kept !== undefined && kept.byteLength === descriptor.size) return streamOf(kept);
    return openDownload({
      host: this.#host,
      limits: this.#limits,
      descriptor,
      what,
      request: {
        ...this.#request('GET', descriptor.digest, 'pull'),
        headers: { accept: `${descriptor.mediaType}, ${manifestAccept}` },
        signal: options.signal,
      },
      check: ({ mediaType }) => {
        const isOther = isManifestType(mediaType) || isIndexType(mediaType);
        if (mediaType === descriptor.mediaType || !isOther) return;
        throw new EngineshedError(
          'MANIFEST_INVALID',
          `${what} is "${mediaType}" now and was given as "${descriptor.mediaType}"`,
          {
            details: { expected: descriptor.mediaType, actual: mediaType },
          },
        );
      },
    });
  }

  /**
   * Reads the manifest that a tag or digest stands for in one request, verified as far as its digest is known.
   * @throws EngineshedError as {@link resolve} does
   */
  async read(wanted: string): Promise<ReadManifest> {
    const what = this.#name(wanted);
    const { response, body } = await this.#host.sendAndRead(
      this.#request('GET', wanted, 'pull'),
      maxManifestBytes + 1,
    );
    if (body === undefined) throw await this.#notResolved(response, wanted);
    if (isWebPage(response)) throw webPageError(response, what);
    if (body.byteLength > maxManifestBytes) throw tooLarge(what, body.byteLength);
    const stated = response.header('docker-content-digest') ?? '';
    const named = isDigest(wanted) ? wanted : isDigest(stated) ? stated : undefined;
    const digest = digestOf(body, named === undefined ? undefined : digestAlgorithm(named));
    agreedDigest(response, { wanted, computed: digest, what });
    const mediaType = manifestMediaType(response.mediaType, body, what);
    this.#kept.keep(digest, body);
    const etag = response.header('etag');
    return { descriptor: { mediaType, digest, size: body.byteLength }, bytes: body, etag };
  }

  /** Tells whether a manifest is there. */
  async exists(descriptor: Descriptor): Promise<boolean> {
    const response = await probe(this.#host, this.#request('HEAD', descriptor.digest, 'pull'));
    if (isWebPage(response) && response.status < 300)
      throw webPageError(response, this.#name(descriptor.digest));
    if (response.status === 200 || response.status === 206) return true;
    if (response.status === 404) return false;
    throw await this.#host.refusal(response, { what: this.#name(descriptor.digest) });
  }

  /**
   * Stores a manifest under its digest.
   * @throws EngineshedError `MANIFEST_TOO_LARGE`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `RESPONSE_INVALID` where the registry
   * refuses it, `REGISTRY_UNAVAILABLE` where it says that it took it and does not have it
   */
  async push(descriptor: Descriptor, open: OpenContent): Promise<PushedManifest> {
    const bytes = await readAll(await open(), descriptor, maxManifestBytes);
    const response = await this.#put(descriptor, bytes, descriptor.digest);
    this.#kept.keep(descriptor.digest, bytes);
    const isStated = response.header('docker-content-digest') !== undefined;
    if (!isStated && !(await this.exists(descriptor))) throw this.#vanished(descriptor);
    return { bytes, processedSubject: response.header('oci-subject') };
  }

  /**
   * Stores a manifest under a tag, in the place of what was read there with the entity tag `etag`.
   * @returns false where the registry found that something else is there now; most do not look
   * @throws EngineshedError as {@link push} does
   */
  async replace(
    descriptor: Descriptor,
    bytes: Buffer,
    tag: string,
    etag: string | undefined,
  ): Promise<boolean> {
    // Only a strong entity tag stands for exactly these bytes (RFC 9110, 8.8.1).
    const condition = etag === undefined || etag.startsWith('W/') ? {} : { 'if-match': etag };
    const response = await this.#sendPut(descriptor, bytes, tag, condition);
    if (response.status === 412) {
      response.discard();
      return false;
    }
    await this.#checkPut(response, descriptor, tag);
    return true;
  }

  /**
   * Stores a manifest that is there under a tag (distribution specification, "Pushing Manifests").
   * @throws EngineshedError as {@link push} and {@link fetch} do
   */
  async put(descriptor: Descriptor, tag: string): Promise<void> {
    const bytes =
      this.#kept.get(descriptor.digest) ??
      (await readAll(await this.fetch(descriptor, {}), descriptor, maxManifestBytes));
    await this.#put(descriptor, bytes, tag);
    this.#kept.keep(descriptor.digest, bytes);
  }

  /**
   * The digest that a tag stands for, in one request; `nothing` where there is no such tag, undefined where the registry does not
   * tell.
   * @throws EngineshedError as `RegistryHost.send` does
   */
  async peek(tag: string): Promise<Digest | 'nothing' | undefined> {
    const response = await this.#host.send(this.#request('HEAD', tag, 'push'));
    response.discard();
    if (response.status === 404) return 'nothing';
    if (isWebPage(response) && response.status === 200) throw webPageError(response, this.#name(tag));
    const stated = response.header('docker-content-digest') ?? '';
    return response.status === 200 && isDigest(stated) ? stated : undefined;
  }

  /**
   * Asks the registry to delete a tag, or a manifest by digest (distribution specification, "Content Management").
   * @returns what it answers, of which nothing was read
   */
  sendDelete(wanted: string): Promise<HttpResponse> {
    return this.#host.send(this.#request('DELETE', wanted, 'delete'));
  }

  /** The error of an answer to {@link sendDelete}. */
  refusedDelete(
    response: HttpResponse,
    wanted: string,
    options: Omit<StatusErrorOptions, 'what' | 'redact'>,
  ) {
    return this.#host.refusal(response, { what: `the deletion of ${this.#name(wanted)}`, ...options });
  }

  async #put(descriptor: Descriptor, bytes: Buffer, as: string): Promise<HttpResponse> {
    const response = await this.#sendPut(descriptor, bytes, as, {});
    await this.#checkPut(response, descriptor, as);
    return response;
  }

  #sendPut(
    { mediaType }: Descriptor,
    bytes: Buffer,
    as: string,
    condition: Readonly<Record<string, string>>,
  ): Promise<HttpResponse> {
    return this.#host.send({
      ...this.#request('PUT', as, 'push'),
      headers: { 'content-type': mediaType, ...condition },
      body: { length: bytes.byteLength, open: async () => streamOf(bytes) },
    });
  }

  async #checkPut(response: HttpResponse, { digest }: Descriptor, as: string): Promise<void> {
    if (response.status !== 201 && response.status !== 200)
      throw await this.#host.refusal(response, { what: `the push of ${this.#name(as)}` });
    if (isWebPage(response)) throw webPageError(response, `the push of ${this.#name(as)}`);
    response.discard();
    this.hasStored = true;
    agreedDigest(response, { wanted: digest, computed: digest, what: this.#name(digest) });
  }

  #notResolved(response: HttpResponse, wanted: string): Promise<EngineshedError> {
    const what = this.#name(wanted);
    return response.status !== 404
      ? this.#host.refusal(response, { what })
      : this.#host.refusal(response, {
          what,
          code: 'REFERENCE_NOT_FOUND',
          hint: `${isDigest(wanted) ? 'Check the name' : `See which tags there are: engineshed tags ${this.label}`}. A private repository may look as if it were not there until you log in.`,
        });
  }

  #vanished({ digest }: Descriptor): EngineshedError {
    return new EngineshedError(
      'REGISTRY_UNAVAILABLE',
      `${this.#host.registry} says that it took ${this.#name(digest)}, but does not have it`,
      { hint: 'Try again later; nothing was tagged.' },
    );
  }

  #request(method: 'GET' | 'HEAD' | 'PUT' | 'DELETE', wanted: string, access: Permission['access']) {
    return {
      method,
      target: `/v2/${this.#repository}/manifests/${wanted}`,
      headers: { accept: manifestAccept },
      permission: { repository: this.#repository, access },
    };
  }

  #name(wanted: string): string {
    return `manifest ${this.label}${isDigest(wanted) ? '@' : ':'}${wanted}`;
  }
}
