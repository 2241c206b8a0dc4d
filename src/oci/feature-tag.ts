import { digestHex, digestOf } from './digest.js';

/** The most characters of a tag (distribution specification, "Pulling manifests"). */
const maxTagLength = 128;
/** How many digits of a branch's sha256 tell it from others whose names look the same in a tag. */
const markDigits = 12;
const branchPrefix = 'branch-';

/**
 * The tag under which the latest state of a branch is published: `branch-` and the name of the branch. Where that is no tag as it
 * is, other characters than a tag may have become `-`, what is too long is cut, and 12 digits of the sha256 of the name follow,
 * so that no two branches have the same tag. No channel and no release has such a tag.
 * @param branch its name as git has it, without `refs/heads/`
 */
export function branchTag(branch: string): string {
  const plain = `${branchPrefix}${branch}`;
  // What looks as if it had a mark gets one too, or it could be the tag of another branch.
  if (isTag(plain) && !endsWithMark.test(plain)) return plain;
  const mark = `-${digestHex(digestOf(branch)).slice(0, markDigits)}`;
  const slug = branch.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^-+|-+$/g, '');
  const cut = `${branchPrefix}${slug}`.slice(0, maxTagLength - mark.length).replace(/-+$/, '');
  return `${cut}${mark}`;
}

/** The tag under which the latest state of a pull request is published: `pr-12`. */
export function pullRequestTag(number: number): string {
  return `pr-${number}`;
}

/** What a tag of {@link branchTag} or {@link pullRequestTag} is of; undefined for every other tag. */
export type TaggedFeature =
  | { readonly kind: 'branch' }
  | { readonly kind: 'pull request'; readonly number: number };

/** Tells what feature a tag is of, by its form; a branch's name cannot always be told from its tag. */
export function taggedFeature(tag: string): TaggedFeature | undefined {
  const number = /^pr-([1-9]\d{0,8})$/.exec(tag)?.[1];
  if (number !== undefined) return { kind: 'pull request', number: Number(number) };
  return tag.startsWith(branchPrefix) && tag.length > branchPrefix.length ? { kind: 'branch' } : undefined;
}

const endsWithMark = new RegExp(`-[0-9a-f]{${markDigits}}$`);

function isTag(text: string): boolean {
  return /^\w[\w.-]*$/.test(text) && text.length <= maxTagLength;
}
