import type { ServerResponse } from 'node:http';
import type { Contents, StoredManifest } from './contents.js';
import { refuse } from './refuse.js';
import type { RecordedRequest } from './registry.js';

const indexType = 'application/vnd.oci.image.index.v1+json';
/** How many referrers are listed on one page. */
const pageSize = 100;

/** Lists what refers to a manifest (distribution specification, "Listing Referrers"). */
export function serveReferrers(
  contents: Contents,
  name: string,
  subject: string,
  request: RecordedRequest,
  response: ServerResponse,
): void {
  if (!/^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/.test(subject)) {
    refuse(response, 400, 'DIGEST_INVALID', 'not a digest');
    return;
  }
  const type = request.query.get('artifactType');
  const after = request.query.get('last') ?? '';
  const left = [...(contents.repositories.get(name)?.manifests ?? [])]
    .filter(([digest, manifest]) => digest > after && subjectOf(manifest.bytes) === subject)
    .map(([digest, manifest]) => describe(digest, manifest))
    .filter(({ artifactType }) => type === null || artifactType === type)
    .sort((one, other) => (one.digest < other.digest ? -1 : 1));
  const manifests = left.slice(0, pageSize);
  const query = new URLSearchParams({
    ...(type === null ? {} : { artifactType: type }),
    last: manifests.at(-1)?.digest ?? '',
  });
  response.writeHead(200, {
    'content-type': indexType,
    ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }),
    ...(left.length > pageSize ? { link: `</v2/${name}/referrers/${subject}?${query}>; rel="next"` } : {}),
  });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
}

/** The digest of the manifest that a manifest refers to; undefined where it refers to none. */
export function subjectOf(manifest: Buffer): string | undefined {
  return fieldsOf(manifest).subject?.digest;
}

function describe(digest: string, { mediaType, bytes }: StoredManifest) {
  const { artifactType, config, annotations } = fieldsOf(bytes);
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    artifactType: artifactType || config?.mediaType,
    annotations,
  };
}

function fieldsOf(manifest: Buffer): {
  readonly subject?: { readonly digest?: string };
  readonly artifactType?: string;
  readonly config?: { readonly mediaType?: string };
  readonly annotations?: Record<string, string>;
} {
  try {
    return JSON.parse(manifest.toString('utf8'));
  } catch {
    return {};
  }
}
