import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineshedError, fromSystemError } from '../errors/index.js';

/** What is trusted of one host, and what is shown to it, as PEM texts. */
export interface HostCertificates {
  /** Where it stands. */
  readonly directory: string;
  /** Authorities that are trusted for this host beside the usual ones. */
  readonly authorities: readonly string[];
  /** Certificates that it may ask for, with their keys. */
  readonly clients: readonly { readonly cert: string; readonly key: string }[];
}

/**
 * Reads the certificates for a host as containers-certs.d(5) has them: of the directories the first that has one named
 * `host:port` (or `host`, for https's own port) counts; in it `*.crt` are authorities, and `NAME.cert` with `NAME.key` is a
 * certificate of ours. Docker Hub's are those of `docker.io`.
 * @param directories such as `/etc/containers/certs.d`
 * @throws EngineshedError `CONFIG_INVALID`, `FILE_PERMISSION`, `IO_FAILED`
 */
export function readHostCertificates(directories: readonly string[], url: URL): HostCertificates | undefined {
  const directory = directories
    .flatMap((parent) => namesOf(url).map((name) => join(parent, name)))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (directory === undefined) return undefined;
  const names = attempt(() => readdirSync(directory)).sort();
  const read = (name: string) => attempt(() => readFileSync(join(directory, name), 'utf8'));
  const pairs = names
    .filter((name) => /\.(?:cert|key)$/.test(name))
    .map((name) => name.replace(/\.[^.]*$/, ''));
  return {
    directory,
    authorities: names
      .filter((name) => name.endsWith('.crt'))
      .map((name) => certificateText(read(name), join(directory, name))),
    clients: [...new Set(pairs)].map((name) => {
      const missing = ['cert', 'key'].find((end) => !names.includes(`${name}.${end}`));
      if (missing === undefined) return { cert: read(`${name}.cert`), key: read(`${name}.key`) };
      throw new EngineshedError('CONFIG_INVALID', `There is no ${name}.${missing} in ${directory}`, {
        hint: 'A certificate of ours is NAME.cert with its key NAME.key; an authority is NAME.crt.',
        details: { path: directory },
      });
    }),
  };
}

/**
 * Reads a file of authorities.
 * @param origin what named it, for the error
 * @throws EngineshedError `CONFIG_INVALID` where it cannot be read or has no certificate
 */
export function readAuthorities(path: string, origin: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
    throw new EngineshedError('CONFIG_INVALID', `${origin} names ${path}, which cannot be read (${code})`, {
      hint: `Set ${origin} to a file of certificates, or unset it.`,
      cause,
      details: { path },
    });
  }
  return certificateText(text, path);
}

function certificateText(text: string, path: string): string {
  if (/^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/m.test(text)) return text;
  throw new EngineshedError('CONFIG_INVALID', `${path} has no certificate in it`, {
    hint: 'It must be in PEM format: lines of text, the first "-----BEGIN CERTIFICATE-----".',
    details: { path },
  });
}

function namesOf(url: URL): string[] {
  const name = url.hostname === 'registry-1.docker.io' ? 'docker.io' : url.hostname;
  return url.port === '' ? [name, `${name}:443`] : [`${name}:${url.port}`];
}

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error);
  }
}
