/** Where the commits of a repository can be read, with a browser. */
export interface SourceSite {
  /** The repository: `https://HOST/PATH`, of characters that need no escape. */
  readonly address: string;
  /** The address of one commit, with `{revision}` in it. */
  readonly commit: string;
  /** The address of what is between two commits, with `{from}` and `{to}` in it. */
  readonly compare: string;
}

interface SiteForm {
  readonly host: RegExp;
  readonly commit: string;
  readonly compare: string;
}

/** How sites show commits. */
const forms: readonly SiteForm[] = [
  {
    host: /^(?:github\.com|codeberg\.org|gitea\.com)$/,
    commit: 'commit/{revision}',
    compare: 'compare/{from}...{to}',
  },
  { host: /^gitlab\./, commit: '-/commit/{revision}', compare: '-/compare/{from}...{to}' },
  {
    host: /^bitbucket\.org$/,
    commit: 'commits/{revision}',
    compare: 'branches/compare/{to}%0D{from}',
  },
];

/**
 * The site of a repository.
 * @param repository as an image names it, in one of the forms that git knows; anybody may have written it
 * @returns null for a site that is not known, and for what is no repository
 */
export function sourceSite(repository: string | null): SourceSite | null {
  const address = webAddress(repository);
  const form = address === null ? undefined : forms.find(({ host }) => host.test(new URL(address).hostname));
  if (address === null || form === undefined) return null;
  return { address, commit: `${address}/${form.commit}`, compare: `${address}/${form.compare}` };
}

/** Whether a text can be the revision of a commit in an address. */
export function isRevision(text: string): boolean {
  return /^[0-9a-f]{7,64}$/.test(text);
}

/** The address of a repository for a browser; null where it has none. */
function webAddress(repository: string | null): string | null {
  const match =
    /^(?:git\+)?(?:https?:\/\/|ssh:\/\/|git:\/\/)?(?:[^@/\s]+@)?([a-z0-9.-]+)(?::\d+\/|[:/])([\w./~-]+?)(?:\.git)?\/?$/i.exec(
      repository ?? '',
    );
  const [, host = '', path = ''] = match ?? [];
  if (match === null || path.split('/').some((part) => ['', '.', '..'].includes(part))) return null;
  const address = `https://${host.toLowerCase()}/${path}`;
  return URL.canParse(address) ? address : null;
}
