import validRange from 'semver/ranges/valid.js';
import { didYouMean } from '../errors/index.js';
import { knownTools, type Requirement } from '../requirements/index.js';
import { type CatalogText, catalogFault } from './fault.js';
import type { RequiresFile } from './schema.js';

/**
 * Reads a table of requirements.
 * @param path the keys of the table
 * @param whose a component has one root, and no parts; an engine's checks are in a part
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function readRequires(
  source: CatalogText,
  path: readonly string[],
  table: RequiresFile,
  whose: 'engine' | 'component',
): Requirement[] {
  return Object.entries(table).map(([name, entry]) => {
    const fault = (key: string, problem: string, hint?: string) =>
      catalogFault(source, typeof entry === 'string' ? [...path, name] : [...path, name, key], problem, {
        hint,
      });
    const file = typeof entry === 'string' ? { version: entry } : entry;
    const { version, check, part, packages, hint } = file;
    const versionCommand = file['version-command'];
    if (version !== undefined && validRange(version) === null)
      throw fault(
        'version',
        `"${version}" is not a range of versions`,
        'Write for instance ">=4", or "*" for any.',
      );
    if (check !== undefined) {
      if (version !== undefined) throw fault('version', 'is not for a requirement that has a check');
      if (whose === 'engine' && part === undefined)
        throw fault('check', 'is a path in a part: name that with "part"');
    } else if (
      version !== undefined &&
      version !== '*' &&
      versionCommand === undefined &&
      !knownTools.has(name)
    ) {
      const near = didYouMean(name, knownTools.keys());
      throw fault(
        'version',
        `how "${name}" tells its version is not known`,
        `${near === undefined ? '' : `${near} If not: `}say it with version-command = ["${name}", "--version"].`,
      );
    }
    if (whose === 'component' && part !== undefined)
      throw fault('part', 'is for the engines of catalogs; a component has no parts');
    return {
      name,
      ...(version === undefined || version === '*' ? {} : { version }),
      ...(versionCommand === undefined ? {} : { versionCommand }),
      ...(check === undefined ? {} : { check }),
      ...(part === undefined ? {} : { part }),
      ...(packages === undefined ? {} : { packages }),
      ...(hint === undefined ? {} : { hint }),
    };
  });
}
