/** The most bytes of a file with a key: those of P-256 have a few hundred. */
export const maxPemLength = 64 * 1024;

/** A block of a PEM file (RFC 7468). */
export interface PemBlock {
  /** What its first line says that it is, for instance `PUBLIC KEY`. */
  readonly form: string;
  /** What is between its first and its last line. */
  readonly text: string;
  /** All of it. */
  readonly pem: string;
}

/**
 * The block of a file that has exactly one, apart from the parameters that openssl writes before a key; undefined for another file.
 */
export function pemBlock(file: string): PemBlock | undefined {
  if (file.length > maxPemLength) return undefined;
  const blocks = [
    ...file.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\r?\n((?:[^-]|-(?!----))*)-----END \1-----/g),
  ].flatMap(([pem, form = '', text = '']) => (form === 'EC PARAMETERS' ? [] : [{ form, text, pem }]));
  const [block, ...more] = blocks;
  return more.length === 0 ? block : undefined;
}
