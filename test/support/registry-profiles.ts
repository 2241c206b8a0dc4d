import type { ServerResponse } from 'node:http';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { refuse } from '../../src/testing/index.js';

/** The login that every profile with accounts accepts. */
export const account = { username: 'somebody', password: 'correct horse' };

const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
const token = 'a-token-of-the-service';

/** One sort of registry, as it differs from the specification, or uses what it leaves open. */
export interface Profile {
  readonly name: string;
  /** Where this is described. */
  readonly because: string;
  /** Lets a registry be of this sort; `storage` is where its blobs are served from. */
  apply(registry: ScriptedRegistry, storage: ScriptedRegistry): void;
  /** Whether a tag can be moved to another image. */
  readonly immutableTags?: true;
}

/** What is known of the registries that people use. */
export const profiles: readonly Profile[] = [
  {
    name: 'GHCR',
    because:
      'no referrers API (404 with a page), blobs redirect to another host, PATCH takes at most 4 MiB (416)',
    apply(registry, storage) {
      bearer(registry);
      redirectBlobs(registry, storage);
      registry.script((request, response) => {
        if (!request.path.includes('/referrers/')) return undefined;
        response.writeHead(404, { 'content-type': 'text/html' }).end('<html>404 page not found</html>');
        return 'handled';
      });
      registry.script(async (request, response) => {
        if (request.method !== 'PATCH' || (await request.body()).byteLength <= 4 * 1024 * 1024)
          return undefined;
        refuse(response, 416, 'REQUESTED_RANGE_NOT_SATISFIABLE', 'the request body is too large');
        return 'handled';
      });
    },
  },
  {
    name: 'Docker Hub',
    because: 'a token service, a rate limit that says when, blobs redirect to a CDN',
    apply(registry, storage) {
      bearer(registry);
      redirectBlobs(registry, storage);
      registry.scriptTimes(
        1,
        ({ method, path }) => method === 'GET' && path.includes('/manifests/'),
        (_, response) => {
          response.setHeader('retry-after', '0');
          refuse(response, 429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.');
        },
      );
    },
  },
  {
    name: 'Amazon ECR',
    because:
      'basic authentication, no Docker-Content-Digest, no Location for manifests, never mounts, PATCH loses data, immutable tags',
    immutableTags: true,
    apply(registry, storage) {
      basicAccounts(registry, 'Basic realm="https://registry.example/",service="ecr.amazonaws.com"');
      redirectBlobs(registry, storage);
      neverMounts(registry);
      immutableTags(
        registry,
        400,
        'TAG_INVALID',
        (tag) =>
          `The image tag '${tag}' already exists in the 'acme' repository and cannot be overwritten because the tag is immutable.`,
      );
      registry.script((request, response) => {
        if (request.path.includes('/manifests/')) without(response, 'docker-content-digest', 'location');
        if (request.method !== 'PATCH') return undefined;
        response.writeHead(201, { location: request.path, range: '0-0' }).end();
        return 'handled';
      });
    },
  },
  {
    name: 'Amazon ECR Public',
    because: 'answers 401 to every HEAD of a blob, whoever asks',
    apply(registry, storage) {
      bearer(registry);
      redirectBlobs(registry, storage);
      registry.script((request, response) => {
        if (request.method !== 'HEAD' || !request.path.includes('/blobs/')) return undefined;
        challenge(request, response);
        return 'handled';
      });
    },
  },
  {
    name: 'Azure Container Registry',
    because:
      'OAuth tokens, blobs redirect to a storage that refuses Authorization, relative Link, the upload location is relative',
    apply(registry, storage) {
      bearer(registry);
      redirectBlobs(registry, storage);
    },
  },
  {
    name: 'Google Artifact Registry',
    because:
      'no chunked uploads, absolute upload locations elsewhere on the host, more fields in the list of tags, all at once',
    apply(registry) {
      bearer(registry);
      registry.script((request, response) => {
        if (request.method === 'PATCH') {
          refuse(response, 400, 'UNSUPPORTED', 'Chunked uploads are not supported.');
          return 'handled';
        }
        if (request.method === 'POST') absoluteLocation(response, registry.url);
        if (!request.path.endsWith('/tags/list')) return undefined;
        const name = request.path.slice('/v2/'.length, -'/tags/list'.length);
        response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            child: [],
            manifest: {},
            name,
            tags: [...registry.contents.repository(name).tags.keys()],
          }),
        );
        return 'handled';
      });
    },
  },
  {
    name: 'Harbor',
    because: 'a token service of its own, tags that a rule makes immutable (412), robot accounts with a $',
    immutableTags: true,
    apply(registry) {
      bearer(registry);
      immutableTags(
        registry,
        412,
        'PRECONDITION',
        (tag) => `Failed to process request due to 'engine:${tag}' configured as immutable.`,
      );
    },
  },
  {
    name: 'Artifactory',
    because:
      "HEAD of a manifest without a length, basic beside bearer, a session's location with a query, 403 for what is not there",
    apply(registry) {
      basicAccounts(registry, 'Basic realm="Artifactory Realm", Digest realm="x", Bearer');
      registry.script((request, response) => {
        if (request.method === 'HEAD' && request.path.includes('/manifests/'))
          without(response, 'content-length');
        return undefined;
      });
    },
  },
  {
    name: 'GitLab',
    because: 'a token service that gives a short life, a list of tags that is null where there are none',
    apply(registry) {
      bearer(registry, { expires_in: 60 });
      registry.script((request, response) => {
        const name = /^\/v2\/(.+)\/tags\/list$/.exec(request.path)?.[1];
        if (name === undefined || (registry.contents.repositories.get(name)?.tags.size ?? 0) > 0)
          return undefined;
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ name, tags: null }));
        return 'handled';
      });
    },
  },
  {
    name: 'Quay',
    because:
      'no mounting without a login to the other repository, absolute upload locations, Link of an absolute address',
    apply(registry) {
      bearer(registry);
      neverMounts(registry);
      registry.script((request, response) => {
        if (request.method === 'POST') absoluteLocation(response, registry.url);
        if (request.path.endsWith('/tags/list'))
          rewrite(response, 'link', (link) => link.replace('</', `<${registry.url}/`));
        return undefined;
      });
    },
  },
];

function bearer(registry: ScriptedRegistry, more: object = {}): void {
  registry.script((request, response) => {
    if (request.path === '/service/token') {
      if (request.headers.authorization !== basic) refuse(response, 401, 'UNAUTHORIZED', 'who are you?');
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ token, ...more }));
      return 'handled';
    }
    if (request.headers.authorization === `Bearer ${token}`) return undefined;
    challenge(request, response);
    return 'handled';
  });
}

function challenge({ path, headers }: RecordedRequest, response: ServerResponse): void {
  const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1];
  const scope = name === undefined ? '' : `,scope="repository:${name}:pull"`;
  const realm = `http://${headers.host}/service/token`;
  response.setHeader('www-authenticate', `Bearer realm="${realm}",service="registry"${scope}`);
  refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
}

function basicAccounts(registry: ScriptedRegistry, header: string): void {
  registry.script((request, response) => {
    if (request.headers.authorization === basic) return undefined;
    response.setHeader('www-authenticate', header);
    refuse(response, 401, 'UNAUTHORIZED', 'Not Authorized');
    return 'handled';
  });
}

/** The storage refuses whatever comes with `Authorization`, as object stores do for addresses that are signed. */
function redirectBlobs(registry: ScriptedRegistry, storage: ScriptedRegistry): void {
  registry.script((request, response) => {
    const [, name = '', digest = ''] = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]+)$/.exec(request.path) ?? [];
    const blob = registry.contents.blob(name, digest);
    if (blob === undefined || !['GET', 'HEAD'].includes(request.method)) return undefined;
    storage.contents.addBlob(blob);
    response.writeHead(307, { location: `${storage.url}/v2/storage/blobs/${digest}?sig=a%2Bb` }).end();
    return 'handled';
  });
}

/** What {@link redirectBlobs} redirects to. */
export function asStorage(storage: ScriptedRegistry): void {
  storage.script((request, response) => {
    if (request.headers.authorization === undefined) return undefined;
    response
      .writeHead(400, { 'content-type': 'application/xml' })
      .end('<Error><Code>InvalidAuthenticationInfo</Code></Error>');
    return 'handled';
  });
}

function neverMounts(registry: ScriptedRegistry): void {
  registry.script((request) => {
    request.query.delete('mount');
    request.query.delete('from');
    return undefined;
  });
}

function immutableTags(
  registry: ScriptedRegistry,
  status: number,
  code: string,
  message: (tag: string) => string,
): void {
  registry.script(async (request, response) => {
    const [, name = '', tag = ''] = /^\/v2\/(.+)\/manifests\/([^:]+)$/.exec(request.path) ?? [];
    if (request.method !== 'PUT' || !registry.contents.repository(name).tags.has(tag)) return undefined;
    refuse(response, status, code, message(tag));
    return 'handled';
  });
}

function without(response: ServerResponse, ...names: string[]): void {
  for (const name of names) rewrite(response, name, () => undefined);
}

function absoluteLocation(response: ServerResponse, base: string): void {
  rewrite(response, 'location', (location) => `${base}${location}`);
}

/** Changes a header of the answer that the registry is going to give. */
function rewrite(
  response: ServerResponse,
  name: string,
  change: (value: string) => string | undefined,
): void {
  const write = response.writeHead.bind(response) as (
    status: number,
    headers?: Record<string, unknown>,
  ) => ServerResponse;
  response.writeHead = ((status: number, headers: Record<string, unknown> = {}) => {
    const { [name]: value, ...others } = headers;
    const changed = value === undefined ? undefined : change(String(value));
    return write(status, changed === undefined ? others : { ...others, [name]: changed });
  }) as typeof response.writeHead;
}
