import { knownTools } from './tools.js';
import type { PackageManager, Requirement } from './types.js';

/** The distributions that have each package manager, by the ID of os-release(5) or one that they are like. */
const distributions: readonly (readonly [string, PackageManager])[] = [
  ['debian', 'apt'],
  ['ubuntu', 'apt'],
  ['alpine', 'apk'],
  ['fedora', 'dnf'],
  ['rhel', 'dnf'],
  ['centos', 'dnf'],
  ['amzn', 'dnf'],
  ['suse', 'zypper'],
  ['opensuse', 'zypper'],
  ['sles', 'zypper'],
  ['arch', 'pacman'],
];

const commands: Readonly<Record<PackageManager, string>> = {
  apt: 'apt-get install',
  apk: 'apk add',
  dnf: 'dnf install',
  zypper: 'zypper install',
  pacman: 'pacman -S',
  brew: 'brew install',
  winget: 'winget install --exact --id',
};

/** Where advice is for. */
export interface Machine {
  readonly manager: PackageManager | undefined;
  /** Whether packages are installed without `sudo`. */
  readonly isAdministrator: boolean;
}

/**
 * The package manager of a machine; undefined where it is none that is known.
 * @param platform as `process.platform` names it
 * @param osRelease the text of `/etc/os-release`, where there is one
 */
export function packageManagerOf(
  platform: string,
  osRelease: string | undefined,
): PackageManager | undefined {
  if (platform === 'darwin') return 'brew';
  if (platform === 'win32') return 'winget';
  const value = (key: string) =>
    new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(osRelease ?? '')?.[1]?.toLowerCase() ?? '';
  const ids = [value('ID'), ...value('ID_LIKE').split(/\s+/)];
  for (const id of ids) {
    const found = distributions.find(([name]) => id === name || id.startsWith(`${name}-`));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** What to do where a requirement is not met, as one line. */
export function advice(requirement: Requirement, { manager, isAdministrator }: Machine): string {
  const { name, version, packages, check, hint } = requirement;
  const wanted = version === undefined ? name : `${name} ${version}`;
  const known = manager && (packages?.[manager] ?? knownTools.get(name)?.packages[manager]);
  if (manager !== undefined && known !== undefined) {
    const sudo = isAdministrator || manager === 'brew' || manager === 'winget' ? '' : 'sudo ';
    const how = `Install ${wanted}, for instance with: ${sudo}${commands[manager]} ${known}`;
    return hint === undefined ? how : `${hint} ${how}`;
  }
  if (hint !== undefined) return hint;
  return check === undefined
    ? `Install ${wanted}, so that it is on the PATH.`
    : 'See the documents of what needs it.';
}
