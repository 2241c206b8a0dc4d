/** Shorter than this, a secret is not looked for: its letters would be found in every text. */
const minLength = 4;

/** The secrets in use with one registry, to keep them out of what is shown even where a server echoes them (C16). */
export class Secrets {
  readonly #values = new Set<string>();

  /** Takes a secret note of. */
  add(secret: string): void {
    if (secret.length < minLength) return;
    this.#values.add(secret);
    this.#values.add(encodeURIComponent(secret));
  }

  /** The text with `***` for every secret in it. */
  redact(text: string): string {
    let clean = text;
    for (const secret of [...this.#values].sort((a, b) => b.length - a.length))
      clean = clean.replaceAll(secret, '***');
    return clean;
  }
}
