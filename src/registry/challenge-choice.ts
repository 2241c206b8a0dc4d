import type { Challenge } from './challenge.js';

/** Bearer before basic, as the token says less than the password; of several alike the first that can be used. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find((challenge) => challenge.scheme === 'bearer' && realmOf(challenge) !== undefined) ??
    challenges.find((challenge) => challenge.scheme === 'basic') ??
    challenges.find((challenge) => challenge.scheme === 'bearer')
  );
}

/** The token service that a challenge names; undefined where that is no plain http(s) address. */
export function realmOf(challenge: Challenge): URL | undefined {
  const text = challenge.parameters.get('realm') ?? '';
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const usable =
    (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === '';
  return usable ? url : undefined;
}

/** Why none of these challenges can be answered, for users. */
export function unknownSchemes(challenges: readonly Challenge[]): string {
  return challenges.length === 0
    ? 'The registry did not say how it wants to be authenticated to.'
    : `The registry wants authentication by ${challenges.map(({ scheme }) => scheme).join(', ')}; basic and bearer are supported.`;
}
