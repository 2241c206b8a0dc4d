import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** A certificate with its key, as PEM texts and files. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

/** An authority of our own, made by openssl in a directory. */
export class Authority {
  readonly certificate: Certificate;
  readonly #directory: string;
  #issued = 0;

  constructor(directory: string) {
    this.#directory = directory;
    const [keyFile, certFile] = [`${directory}/ca.key`, `${directory}/ca.pem`];
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', '/CN=test authority', '-days', '2', '-keyout', keyFile, '-out', certFile],
    );
    this.certificate = load(keyFile, certFile);
  }

  /**
   * Issues a server certificate.
   * @param names as in subjectAltName, for instance `IP:127.0.0.1`
   * @param days how long it is valid from now; negative for one that expired
   */
  issue(names: string, days = 2): Certificate {
    const base = `${this.#directory}/server-${this.#issued++}`;
    const [keyFile, certFile, request, extensions] = [
      `${base}.key`,
      `${base}.pem`,
      `${base}.csr`,
      `${base}.ext`,
    ];
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', '/CN=test server', '-keyout', keyFile, '-out', request],
    );
    const { certFile: ca, keyFile: caKey } = this.certificate;
    openssl(
      ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial'],
      ...['-extfile', extensions, '-days', String(days), '-out', certFile],
    );
    return load(keyFile, certFile);
  }
}

function load(keyFile: string, certFile: string): Certificate {
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), keyFile, certFile };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
