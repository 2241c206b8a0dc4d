import { withoutDefaultPort } from '../oci/index.js';

/** For which reads a mirror is asked: all, those by digest (content, and pinned references), those by tag. */
export type PullFromMirror = 'all' | 'digest-only' | 'tag-only';

/** A place that has copies of what lies below a prefix. */
export interface MirrorRule {
  /** `host[:port][/path]`, which takes the place of the prefix. */
  readonly location: string;
  /** Whether it may be spoken to over http, where it does not speak TLS. */
  readonly insecure: boolean;
  readonly pull: PullFromMirror;
}

/** What configuration says about the images below a prefix: a `[[registry]]` of containers-registries.conf(5). */
export interface RegistryRule {
  /** The images meant: `host[:port][/path]`, whole path components; `*.domain` stands for every host below a domain. */
  readonly prefix: string;
  /** `host[:port][/path]`, which takes the place of the prefix; undefined leaves references as they are. */
  readonly location?: string | undefined;
  /** Whether the location may be spoken to over http, where it does not speak TLS. */
  readonly insecure: boolean;
  /** Whether nothing below the prefix may be read or written. */
  readonly blocked: boolean;
  /** Asked before the location, in this order, by who reads. */
  readonly mirrors: readonly MirrorRule[];
  /** What said so, for messages: the path of a file. */
  readonly origin: string;
  /** Whether that came with a checkout. Such a rule undoes no block of the user's own, and leads to no place that these block. */
  readonly ofProject: boolean;
}

/**
 * One list of several: of two rules with the same prefix the later list's counts, whole; of a project's and the user's both stay, for
 * {@link placesOf} to judge.
 */
export function mergeRules(...lists: readonly (readonly RegistryRule[])[]): RegistryRule[] {
  const byPrefix = lists
    .flat()
    .map((rule): [string, RegistryRule] => [`${rule.ofProject} ${withoutDefaultPort(rule.prefix)}`, rule]);
  return [...new Map(byPrefix).values()];
}
