import parse from 'semver/functions/parse.js';
import rcompare from 'semver/functions/rcompare.js';
import { EngineshedError } from '../errors/index.js';
import { branchTag, pullRequestTag } from '../oci/index.js';
import type { Checkout } from './checkout.js';
import type { Feature } from './pipeline.js';

const usualDefaultBranches = ['main', 'master'];

/** The semantic version that a git tag names, with or without a `v` before it; the highest of several. */
export function checkoutVersion(checkout: Checkout): string | undefined {
  const versions = checkout.tags
    .map((tag) => parse(tag.replace(/^v/, '')))
    .filter((version) => version !== null);
  // A "+" is not allowed in an image tag, so build metadata stays out.
  return versions.sort(rcompare)[0]?.version;
}

/** Tags that channels and registries are wont to have. */
const channelTags = new Set(['latest', 'edge', 'nightly', 'stable']);

/**
 * The image tags that a checkout gets by hamlet's convention: `edge` on the default branch, `sha-` and seven digits of the
 * commit, and the version where a tag names one. For a pull request only that of the commit: it is not merged yet.
 * @param feature what the checkout is of, where that is known
 * @throws EngineshedError `USAGE` for a checkout with uncommitted changes, which none of these tags would name rightly
 */
export function gitTags(checkout: Checkout, feature?: Feature): string[] {
  if (checkout.dirty) {
    throw new EngineshedError(
      'USAGE',
      `The checkout of ${checkout.revision.slice(0, 12)} has uncommitted changes`,
      {
        hint: 'Commit them, or name a tag with --tag instead of --git-tags.',
      },
    );
  }
  const commit = `sha-${checkout.revision.slice(0, 7)}`;
  if (feature?.pullRequest !== undefined) return [commit];
  const { branch, defaultBranch } = checkout;
  const isDefault =
    branch !== undefined &&
    (defaultBranch === undefined ? usualDefaultBranches.includes(branch) : branch === defaultBranch);
  const version = checkoutVersion(checkout);
  return [...(isDefault ? ['edge'] : []), commit, ...(version === undefined ? [] : [version])];
}

/** The image tag of a branch or pull request: `branch-NAME` or `pr-NUMBER`. */
export function featureTag({ branch = '', pullRequest }: Feature): string {
  return pullRequest === undefined ? branchTag(branch) : pullRequestTag(pullRequest);
}

/**
 * Refuses to tag what is published for a branch or pull request with a name that a channel or a release has.
 * @param followedBy the engine that follows a tag; undefined where none does
 * @throws EngineshedError `USAGE`
 */
export function refuseReleaseTags(
  tags: readonly string[],
  feature: Feature,
  followedBy: (tag: string) => string | undefined,
): void {
  for (const tag of tags) {
    const engine = followedBy(tag);
    const fault =
      engine !== undefined
        ? `the engine ${engine} follows`
        : channelTags.has(tag)
          ? 'is the name of a channel'
          : /^v?\d+(?:\.\d+){0,2}(?:[-+].*)?$/.test(tag)
            ? 'is the name of a release'
            : undefined;
    if (fault === undefined) continue;
    throw new EngineshedError(
      'USAGE',
      `What is published for a branch or pull request is not tagged "${tag}", which ${fault}`,
      { hint: `Leave that tag out; it is tagged "${featureTag(feature)}". Or leave out --branch-tag.` },
    );
  }
}
