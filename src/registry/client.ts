import type { Reporter, Target } from '../content/index.js';
import type { CredentialSource } from '../credentials/index.js';
import type { RegistryReference } from '../oci/index.js';
import { RegistryAddress } from './address.js';
import { withinBudget } from './budget.js';
import { RegistryHost } from './host.js';
import { defaultLimits, type Limits } from './limits.js';
import type { LoginAttempt, LoginResult } from './login.js';
import { repositoryTarget } from './repository.js';
import { Pace } from './retry.js';
import { createTransport } from './transport.js';

/** What a registry client needs to know. */
export interface RegistryClientOptions {
  /** The logins, asked only when a registry wants one. */
  readonly credentials: CredentialSource;
  /** Whether a registry (`host[:port]`) is spoken to over http; undefined is the default: http on loopback, else https. */
  readonly plainHttp: (registry: string) => boolean | undefined;
  /** Told when requests wait before they are tried again. Transfers are reported by those who read and write them. */
  readonly report?: Reporter | undefined;
  /** The `User-Agent` header. */
  readonly userAgent: string;
  /**
   * Certificates (PEM) of authorities that are trusted beside the usual ones. Before Node 22.15 it takes the place of
   * `NODE_EXTRA_CA_CERTS`, whose certificates must then be part of it.
   */
  readonly ca?: string | undefined;
  /** How patient the client is, where the defaults ({@link Limits}) do not fit. */
  readonly limits?: Partial<Limits> | undefined;
}

/** Speaks to registries by the OCI distribution specification. Connections, tokens and waits are shared. */
export interface RegistryClient {
  /** The repository that a reference lies in; its tag and digest do not matter. No request is sent yet. */
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
  const limits = { ...defaultLimits, ...options.limits };
  const pace = new Pace(limits, options.report ?? (() => undefined));
  const transport = withinBudget(
    createTransport({ userAgent: options.userAgent, ca: options.ca, limits }),
    pace,
    limits.requestsPerHost,
  );
  const hosts = new Map<string, RegistryHost>();
  const hostOf = (registry: string) => {
    const known = hosts.get(registry);
    if (known !== undefined) return known;
    const { credentials } = options;
    const plainHttp = options.plainHttp(registry);
    const host = new RegistryHost({ registry, plainHttp, credentials, transport, pace });
    hosts.set(registry, host);
    return host;
  };
  return {
    repository: ({ registry, repository }) => repositoryTarget(hostOf(registry), limits, repository),
    async checkLogin(registry, attempt) {
      const { checkLogin } = await import('./login.js');
      const address = new RegistryAddress(registry, options.plainHttp(registry), transport.exchange);
      const isLoggedIn = async (host: string) => (await options.credentials.find(host)) !== undefined;
      return checkLogin({ registry, address, transport, pace, isLoggedIn }, attempt);
    },
    close: () => transport.close(),
  };
}
