import { resolve } from 'node:path';
import type { Catalogs } from '../catalog/index.js';
import {
  createLayout,
  type Layout,
  openArchive,
  openLayout,
  type Reporter,
  type Target,
  type WriteArchiveOptions,
  writeArchive,
} from '../content/index.js';
import { credentialSource } from '../credentials/index.js';
import { ownerOf } from '../files/index.js';
import { mergeRules, type RegistryRule, readRegistriesConf } from '../mirrors/index.js';
import { type PathReference, parseRegistry, type Reference, type RegistryReference } from '../oci/index.js';
import { createRegistryClient, type RegistryClient } from '../registry/index.js';
import { offlineTarget, type Store, storeAt } from '../store/index.js';
import { loginOptions } from './credentials.js';
import type { Host } from './host.js';
import { refuseSudo } from './ownership.js';
import { storeRoot } from './places.js';

/** The store that this run uses. It is not changed by root with sudo where it is for somebody else, see {@link refuseSudo}. */
export function openStore(host: Host, report: Reporter): Store {
  const store = storeAt(storeRoot(host), ownerOf(host.pid), host.now, report);
  return { ...store, beforeChange: () => refuseSudo(host) };
}

/** The places of images that this run talks to. */
export interface Targets {
  /** The place of a reference, for reading. */
  readable(reference: Reference): Target;
  /**
   * Runs `work` with the place of a reference, for writing; a layout is made where there is none. An archive is there when
   * `work` has ended, and only then.
   */
  write<T>(
    reference: Reference,
    ifPresent: WriteArchiveOptions['ifPresent'],
    work: (target: Layout | Target) => Promise<T>,
  ): Promise<T>;
  /** Ends idle connections, so that the process can end. */
  close(): void;
}

/** The flags that say how registries are reached. */
export interface NetworkFlags {
  readonly plainHttp?: readonly string[];
  readonly offline?: boolean;
}

/** Whether no registry may be asked: `--offline`, or `ENGINESHED_OFFLINE` set to something other than `0` and `false`. */
export function isOffline(host: Host, flags: NetworkFlags): boolean {
  const { ENGINESHED_OFFLINE = '' } = host.environment;
  return flags.offline === true || !['', '0', 'false'].includes(ENGINESHED_OFFLINE);
}

/**
 * Opens the registries, with the logins and settings of this user.
 * @throws EngineshedError `REFERENCE_INVALID`, `CONFIG_INVALID`
 */
export function openRegistries(
  host: Host,
  catalogs: Catalogs,
  flags: NetworkFlags,
  report: Reporter,
): RegistryClient {
  const plain = new Set((flags.plainHttp ?? []).map((text) => parseRegistry(text).registry));
  return createRegistryClient({
    credentials: credentialSource(loginOptions(host, report)),
    plainHttp: (registry) => (plain.has(registry) ? true : undefined),
    registries: isOffline(host, flags) ? [] : mergeRules(machineRules(host, report), catalogs.registries),
    environment: host.environment,
    certificateDirectories: [
      `${host.home}/.config/containers/certs.d`,
      '/etc/containers/certs.d',
      '/etc/docker/certs.d',
    ],
    userAgent: `engineshed/${host.version}`,
    report,
  });
}

/**
 * Opens the places of images. Offline, the store stands in for the registries.
 * @throws EngineshedError `REFERENCE_INVALID`
 */
export function openTargets(host: Host, catalogs: Catalogs, flags: NetworkFlags, report: Reporter): Targets {
  const client = openRegistries(host, catalogs, flags, report);
  const repository = (reference: RegistryReference) =>
    isOffline(host, flags) ? offlineTarget(openStore(host, report), reference) : client.repository(reference);
  const owner = ownerOf(host.pid);
  const pathOf = (reference: PathReference) => resolve(host.directory, reference.path);
  const labelOf = (reference: PathReference) => `${reference.transport}:${pathOf(reference)}`;
  return {
    readable: (reference) => {
      if (reference.transport === 'registry') return repository(reference);
      return reference.transport === 'oci'
        ? openLayout(pathOf(reference), owner)
        : openArchive(reference.transport, pathOf(reference), labelOf(reference));
    },
    write: (reference, ifPresent, work) => {
      if (reference.transport === 'registry') return work(repository(reference));
      if (reference.transport === 'oci') return work(createLayout(pathOf(reference), owner));
      const [kind, path, label] = [reference.transport, pathOf(reference), labelOf(reference)];
      return writeArchive({ kind, path, label, ifPresent, owner }, work);
    },
    close: () => client.close(),
  };
}

function machineRules(host: Host, report: Reporter): RegistryRule[] {
  return readRegistriesConf({
    environment: host.environment,
    home: host.home,
    // It may be gone, and only a relative path needs it.
    get directory() {
      return host.directory;
    },
    warn: (message) => report({ type: 'warning', message }),
  });
}
