import type { Challenge } from './challenge.js';

/** What is to be done in a repository. */
export type Access = 'pull' | 'push' | 'delete';

/** How many scopes a challenge may add. */
const maxScopes = 10;

/** The scope of an access to a repository, as token services know it (distribution's "Token Scope Documentation"). */
export function repositoryScope(repository: string, access: Access): string {
  return `repository:${repository}:${access === 'pull' ? access : `pull,${access}`}`;
}

/** The scopes that a challenge asks for, and ours, each resource once with all its actions. */
export function mergeScopes(ours: readonly string[], challenge: Challenge): string[] {
  const asked = (challenge.parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  const actions = new Map<string, Set<string>>();
  for (const scope of [...ours, ...asked.slice(0, maxScopes)]) {
    const colon = scope.lastIndexOf(':');
    const resource = colon < 0 ? scope : scope.slice(0, colon);
    const known = actions.get(resource) ?? new Set<string>();
    for (const action of colon < 0 ? [] : scope.slice(colon + 1).split(',')) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, names]) =>
    names.size === 0 ? resource : `${resource}:${[...names].join(',')}`,
  );
}
