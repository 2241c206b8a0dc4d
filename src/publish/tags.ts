import parse from 'semver/functions/parse.js';
import rcompare from 'semver/functions/rcompare.js';
import { EngineshedError } from '../errors/index.js';
import type { Checkout } from './checkout.js';

const usualDefaultBranches = ['main', 'master'];

/** The semantic version that a git tag names, with or without a `v` before it; the highest of several. */
export function checkoutVersion(checkout: Checkout): string | undefined {
  const versions = checkout.tags
    .map((tag) => parse(tag.replace(/^v/, '')))
    .filter((version) => version !== null);
  // A "+" is not allowed in an image tag, so build metadata stays out.
  return versions.sort(rcompare)[0]?.version;
}

/**
 * The image tags that a checkout gets by hamlet's convention: `edge` on the default branch, `sha-` and seven digits of the
 * commit, and the version where a tag names one.
 * @throws EngineshedError `USAGE` for a checkout with uncommitted changes, which none of these tags would name rightly
 */
export function gitTags(checkout: Checkout): string[] {
  if (checkout.dirty) {
    throw new EngineshedError(
      'USAGE',
      `The checkout of ${checkout.revision.slice(0, 12)} has uncommitted changes`,
      {
        hint: 'Commit them, or name a tag with --tag instead of --git-tags.',
      },
    );
  }
  const { branch, defaultBranch } = checkout;
  const isDefault =
    branch !== undefined &&
    (defaultBranch === undefined ? usualDefaultBranches.includes(branch) : branch === defaultBranch);
  const version = checkoutVersion(checkout);
  return [
    ...(isDefault ? ['edge'] : []),
    `sha-${checkout.revision.slice(0, 7)}`,
    ...(version === undefined ? [] : [version]),
  ];
}
