import { type Fault, invalid } from '../tar/faults.js';
import { baseOf, parentOf } from '../tar/names.js';

/** What an entry's name means in a layer (image specification, "Whiteouts"). */
export type NameMeaning =
  | { readonly kind: 'plain' }
  /** The path is removed from lower layers. */
  | { readonly kind: 'whiteout'; readonly path: string }
  /** All children of the directory are removed from lower layers. */
  | { readonly kind: 'opaque'; readonly path: string };

const plainName: NameMeaning = { kind: 'plain' };
const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';

/** Tells whiteouts from other entries; `path` as {@link checkPath} returns it. */
export function nameMeaning(path: string): NameMeaning | Fault {
  if (!path.includes(whiteoutPrefix)) return plainName;
  const parent = parentOf(path);
  const base = baseOf(path);
  if (`/${parent}`.includes(`/${whiteoutPrefix}`)) return invalid('it lies in a whiteout');
  if (!base.startsWith(whiteoutPrefix)) return plainName;
  if (base === opaqueName) return { kind: 'opaque', path: parent };
  const hidden = base.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(whiteoutPrefix)) {
    return invalid('its name is a malformed whiteout');
  }
  return { kind: 'whiteout', path: parent === '' ? hidden : `${parent}/${hidden}` };
}
