import { EngineshedError } from '../errors/index.js';
import { withoutDefaultPort } from '../oci/index.js';
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

/** A repository of a registry. */
interface Named {
  /** `host[:port]`. */
  readonly registry: string;
  readonly repository: string;
}

/**
 * Where a repository is read from and written to: the rule with the longest prefix decides, of a project's and the user's own with one
 * prefix the project's. What the user's own rules block stays so, whatever a project says, under each name that a project gives it.
 * @throws EngineshedError `FORBIDDEN` where it is blocked, `CONFIG_INVALID` where a location leaves no repository
 */
export function placesOf(rules: readonly RegistryRule[], named: Named): Places {
  const { registry, repository } = named;
  const own = rules.filter(({ ofProject }) => !ofProject);
  const blocking = blockOf(own, named) ?? blockOf(rules, named);
  if (blocking !== undefined) throw blocked(named, blocking);
  const match = matching(rules, named);
  if (match === undefined)
    return { mirrors: [], location: { registry, repository, insecure: false, pull: 'all' } };
  const { rule, path } = match;
  const moved = (location: string) => moveTo(location, repository.slice(path.length), rule);
  const place = ({ location, insecure, pull }: MirrorRule) => ({ ...moved(location), insecure, pull });
  const { location, insecure } = rule;
  const home = location === undefined ? { registry, repository } : moved(location);
  const mirrors = rule.mirrors.map(place);
  const places = { mirrors, location: { ...home, insecure, pull: 'all' as const }, rule };
  if (!rule.ofProject) return places;
  const elsewhere = blockOf(own, home);
  if (elsewhere !== undefined) throw blocked(home, elsewhere);
  return { ...places, mirrors: mirrors.filter((mirror) => blockOf(own, mirror) === undefined) };
}

/** The rule that decides, where it blocks. */
function blockOf(rules: readonly RegistryRule[], named: Named): RegistryRule | undefined {
  const match = matching(rules, named);
  return match?.rule.blocked ? match.rule : undefined;
}

function blocked({ registry, repository }: Named, { prefix, origin }: RegistryRule): EngineshedError {
  return new EngineshedError('FORBIDDEN', `${registry}/${repository} is blocked`, {
    hint: `The [[registry]] with prefix "${prefix}" in ${origin} says so (blocked = true).`,
    details: { path: origin, reference: `${registry}/${repository}` },
  });
}

function matching(rules: readonly RegistryRule[], { registry, repository }: Named): Match | undefined {
  const [match] = rules
    .flatMap((rule) => matchOf(rule, registry, repository) ?? [])
    .sort(
      (a, b) =>
        b.path.length - a.path.length ||
        b.hostRank - a.hostRank ||
        Number(b.rule.ofProject) - Number(a.rule.ofProject),
    );
  return match;
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
  const [wanted, own] = [host, registry].map(withoutDefaultPort) as [string, string];
  if (wanted === own) return { rule, path, hostRank: Number.POSITIVE_INFINITY };
  const fits = wanted.startsWith('*.') && own.endsWith(wanted.slice(1)) && own.length >= wanted.length;
  return fits ? { rule, path, hostRank: wanted.length } : undefined;
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
