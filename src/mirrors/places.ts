import { EngineshedError } from '../errors/index.js';
import type { MirrorRule, PullFromMirror, RegistryRule } from './rule.js';

/** A repository in a registry, and how it may be reached. */
export interface Place {
  /** `host[:port]`. */
  readonly registry: string;
  readonly repository: string;
  /** Whether it may be spoken to over http, where it does not speak TLS. */
  readonly insecure: boolean;
  /** For which reads it is asked. */
  readonly pull: PullFromMirror;
}

/** Where the content of a repository is. */
export interface Places {
  /** Asked first, in this order. */
  readonly mirrors: readonly Place[];
  /** Asked last, and the only one that is written to. */
  readonly location: Place;
  /** The rule that says so, where there is one. */
  readonly rule?: RegistryRule | undefined;
}

/**
 * Where a repository is read from and written to: the rule with the longest prefix decides.
 * @param repository its registry (`host[:port]`) and its path
 * @throws EngineshedError `FORBIDDEN` where it is blocked, `CONFIG_INVALID` where a location leaves no repository
 */
export function placesOf(
  rules: readonly RegistryRule[],
  { registry, repository }: { readonly registry: string; readonly repository: string },
): Places {
  const [match] = rules
    .flatMap((rule) => matchOf(rule, registry, repository) ?? [])
    .sort((a, b) => b.path.length - a.path.length || b.hostRank - a.hostRank);
  if (match === undefined)
    return { mirrors: [], location: { registry, repository, insecure: false, pull: 'all' } };
  const { rule, path } = match;
  if (rule.blocked) {
    throw new EngineshedError('FORBIDDEN', `${registry}/${repository} is blocked`, {
      hint: `The [[registry]] with prefix "${rule.prefix}" in ${rule.origin} says so (blocked = true).`,
      details: { path: rule.origin, reference: `${registry}/${repository}` },
    });
  }
  const moved = (location: string) => moveTo(location, repository.slice(path.length), rule);
  const place = ({ location, insecure, pull }: MirrorRule) => ({ ...moved(location), insecure, pull });
  const { location, insecure } = rule;
  const home = location === undefined ? { registry, repository } : moved(location);
  return { mirrors: rule.mirrors.map(place), location: { ...home, insecure, pull: 'all' }, rule };
}

interface Match {
  readonly rule: RegistryRule;
  /** The path of the prefix. */
  readonly path: string;
  /** Of the hosts that fit, one by its own name before wildcards, and the longest wildcard first. */
  readonly hostRank: number;
}

function matchOf(rule: RegistryRule, registry: string, repository: string): Match | undefined {
  const slash = rule.prefix.indexOf('/');
  const host = slash < 0 ? rule.prefix : rule.prefix.slice(0, slash);
  const path = slash < 0 ? '' : rule.prefix.slice(slash + 1);
  const isBelow = path === '' || repository === path || repository.startsWith(`${path}/`);
  if (!isBelow) return undefined;
  if (host === registry) return { rule, path, hostRank: Number.POSITIVE_INFINITY };
  const fits = host.startsWith('*.') && registry.endsWith(host.slice(1)) && registry.length >= host.length;
  return fits ? { rule, path, hostRank: host.length } : undefined;
}

/** @param rest what follows the prefix: nothing, `name`, or `/name` */
function moveTo(location: string, rest: string, rule: RegistryRule) {
  const [registry = '', ...path] = location.split('/');
  const repository = [...path, ...rest.split('/')].filter((part) => part !== '').join('/');
  if (repository !== '') return { registry, repository };
  throw new EngineshedError('CONFIG_INVALID', `The location "${location}" names no repository`, {
    hint: `The prefix "${rule.prefix}" in ${rule.origin} is a whole repository, so the location must be one too.`,
    details: { path: rule.origin },
  });
}
