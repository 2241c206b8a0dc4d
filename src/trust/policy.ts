import { withoutDefaultPort } from '../oci/index.js';

/** Where a public key is. */
export type KeySource =
  /** The absolute path of a file. */
  { readonly kind: 'file'; readonly path: string } | { readonly kind: 'text'; readonly pem: string };

/** Whose signatures images must have. Plain data, as a file says it; keys are not read yet. */
export interface TrustPolicy {
  readonly name: string;
  /** The file that says it, or the name of the built-in catalog. */
  readonly file: string;
  /** Names of engines, with `*` for any characters. All images of these are meant. */
  readonly engines: readonly string[];
  /** `HOST/PATH`, with `*` for any characters, `/` among them. These images are meant in whatever engine they are. */
  readonly images: readonly string[];
  readonly keys: readonly KeySource[];
  /** So many different keys must have signed. */
  readonly threshold: number;
  /** Whether tags must be proven, too. */
  readonly channel: boolean;
}

/** What a policy may be about. */
export interface PolicySubject {
  /** The engine that the image is for, and those that it extends; none for an image by itself. */
  readonly engines: readonly string[];
  /** What the image is called: `HOST/PATH`, and other names of it. */
  readonly images: readonly string[];
}

/** The policies that are for an image; all of them must hold. */
export function policiesFor(policies: readonly TrustPolicy[], subject: PolicySubject): TrustPolicy[] {
  return policies.filter(
    ({ engines, images }) =>
      subject.engines.some((name) => engines.some((pattern) => matches(pattern, name))) ||
      subject.images.some((name) => images.some((pattern) => matches(pattern, withoutDefaultPort(name)))),
  );
}

/** No regular expression: patterns may come with a checkout, and some expressions take for ever. */
function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (!text.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return text === first;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
