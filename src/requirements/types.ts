/** The package managers for which it can be said what to install. */
export const packageManagers = ['apt', 'apk', 'dnf', 'zypper', 'pacman', 'brew', 'winget'] as const;

/** A package manager. */
export type PackageManager = (typeof packageManagers)[number];

/** Something that an engine or a component needs of the machine on which it runs. Plain data. */
export interface Requirement {
  /** The program; or, with `check`, what is looked for. */
  readonly name: string;
  /** The range of semantic versions of it that will do; any where there is none. */
  readonly version?: string;
  /** The program and the arguments with which it tells its version, where that is not known (see `knownTools`). */
  readonly versionCommand?: readonly string[];
  /** A program in the engine that finds out, and ends with 0 where all is well: its path in the part, or in the component. */
  readonly check?: string;
  /** The requirement of an engine is one only where the engine has a part of this type. */
  readonly part?: string;
  /** What the package is called, where that is not known. */
  readonly packages?: Readonly<Partial<Record<PackageManager, string>>>;
  /** What else to do about it. */
  readonly hint?: string;
}
