import type { Reporter, Target } from '../content/index.js';
import type { CredentialSource } from '../credentials/index.js';
import { type Place, type Places, placesOf, type RegistryRule } from '../mirrors/index.js';
import type { RegistryReference } from '../oci/index.js';
import { RegistryAddress } from './address.js';
import { withinBudget } from './budget.js';
import { RegistryHost } from './host.js';
import { defaultLimits, type Limits } from './limits.js';
import type { LoginAttempt, LoginResult } from './login.js';
import { mirroredTarget } from './mirrored.js';
import type { Environment } from './proxy.js';
import { MirrorFailures } from './read-places.js';
import { repositoryTarget } from './repository.js';
import { Pace } from './retry.js';
import { schemesOf } from './schemes.js';
import { createTransport } from './transport.js';

/** How often one request is sent to a mirror at most: there is another place to ask. */
const triesAtMirror = 2;

/** What a registry client needs to know. */
export interface RegistryClientOptions {
  /** The logins, asked only when a registry wants one. */
  readonly credentials: CredentialSource;
  /** Whether a registry (`host[:port]`) is spoken to over http; undefined is the default: http on loopback, else https. */
  readonly plainHttp: (registry: string) => boolean | undefined;
  /** What is known of registries: which is read from mirrors, lies elsewhere, or is blocked. The longest prefix decides. */
  readonly registries?: readonly RegistryRule[] | undefined;
  /** Told when requests wait before they are tried again, and which mirrors fail. Transfers are reported by those who read and write them. */
  readonly report?: Reporter | undefined;
  /** The `User-Agent` header. */
  readonly userAgent: string;
  /** Certificates (PEM) of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
  /**
   * Environment variables: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` in upper and lower case, `SSL_CERT_FILE` (a
   * file of authorities that takes the place of Node's own) and `NODE_EXTRA_CA_CERTS`. None where nothing is given.
   */
  readonly environment?: Environment | undefined;
  /**
   * Directories with certificates by host, in the form of containers-certs.d(5), for instance `/etc/containers/certs.d`; the
   * first that has the host counts. None where nothing is given.
   */
  readonly certificateDirectories?: readonly string[] | undefined;
  /** How patient the client is, where the defaults ({@link Limits}) do not fit. */
  readonly limits?: Partial<Limits> | undefined;
}

/** Speaks to registries by the OCI distribution specification. Connections, tokens and waits are shared. */
export interface RegistryClient {
  /**
   * The repository that a reference lies in, as {@link RegistryClientOptions.registries} say; its tag and digest do not
   * matter. No request is sent yet.
   * @throws EngineshedError `FORBIDDEN` where it is blocked, `CONFIG_INVALID` where its location names no repository
   */
  repository(reference: RegistryReference): Target;
  /**
   * Tries a login at a registry (`host[:port]`), and stores nothing.
   * @throws EngineshedError `UNAUTHORIZED`, `CREDENTIALS_FAILED`, `RESPONSE_INVALID`, and as requests do
   */
  checkLogin(registry: string, attempt: LoginAttempt): Promise<LoginResult>;
  /** Closes the connections, so that the process can end. */
  close(): void;
}

/** Makes a registry client. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const report = options.report ?? (() => undefined);
  const limits = { ...defaultLimits, ...options.limits };
  const { userAgent, ca, environment = {}, certificateDirectories = [] } = options;
  const transport = createTransport({ userAgent, ca, environment, certificateDirectories, limits });
  const reaching = (limits: Limits) => {
    const pace = new Pace(limits, report);
    return { limits, pace, transport: withinBudget(transport, pace, limits.requestsPerHost) };
  };
  const failures = new MirrorFailures(report);
  /** Whoever has another place to ask is less patient. */
  const reach = {
    location: reaching(limits),
    mirror: reaching({ ...limits, tries: Math.min(limits.tries, triesAtMirror) }),
  };
  const hosts = new Map<string, RegistryHost>();
  const targetAt = ({ registry, repository, insecure }: Place, role: keyof typeof reach) => {
    const { limits, pace, transport } = reach[role];
    const schemes = schemesOf(registry, options.plainHttp(registry), insecure);
    const key = [registry, schemes, role].join(' ');
    const host =
      hosts.get(key) ??
      new RegistryHost({ registry, schemes, credentials: options.credentials, transport, pace });
    hosts.set(key, host);
    return repositoryTarget(host, limits, repository);
  };
  /** What a mirror lacks, or gave a tag of, is known to all who read that repository. */
  const repositories = new Map<string, Target>();
  const open = (label: string, { mirrors, location, rule }: Places): Target => {
    const target = targetAt(location, 'location');
    if (rule === undefined || (mirrors.length === 0 && target.label === label)) return target;
    return mirroredTarget({
      label,
      mirrors: mirrors.map((place) => ({ ...place, target: targetAt(place, 'mirror') })),
      location: target,
      known: failures,
      beforeWrite: once(() => {
        if (target.label === label) return;
        report({
          type: 'warning',
          message: `${label} is written to ${target.label}: so says ${rule.origin}`,
        });
      }),
    });
  };
  return {
    repository: (reference) => {
      const label = `${reference.registry}/${reference.repository}`;
      const target = repositories.get(label) ?? open(label, placesOf(options.registries ?? [], reference));
      repositories.set(label, target);
      return target;
    },
    async checkLogin(registry, attempt) {
      const { checkLogin } = await import('./login.js');
      const { transport, pace } = reach.location;
      const schemes = schemesOf(registry, options.plainHttp(registry), false);
      const address = new RegistryAddress(registry, schemes, transport.exchange);
      const isLoggedIn = async (host: string) => (await options.credentials.find(host)) !== undefined;
      return checkLogin({ registry, address, transport, pace, isLoggedIn }, attempt);
    },
    close: () => transport.close(),
  };
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
