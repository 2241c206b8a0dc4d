import { type Catalogs, findEngine, referenceCatalog } from '../catalog/index.js';
import type { EngineDefinition, EngineLock, SourceDefinition } from '../engine/index.js';
import { isEngineshedError } from '../errors/index.js';
import { parseReference } from '../oci/index.js';

/**
 * What an installed engine is to be brought up to: what the catalogs say of its name; where they do not know it, as of an image that
 * was installed by its reference, what it was made from.
 */
export function installedDefinition(catalogs: Catalogs, lock: EngineLock): EngineDefinition {
  if (lock.catalog !== referenceCatalog) {
    try {
      return findEngine(catalogs, lock.name);
    } catch (error) {
      if (!isEngineshedError(error, 'ENGINE_UNKNOWN')) throw error;
    }
  }
  const { platform: _, sources, ...about } = lock;
  const asked = Object.entries(sources).map(([name, source]): [string, SourceDefinition] => {
    if (source.kind === 'directory') return [name, source];
    const reference = parseReference(source.reference);
    return [
      name,
      reference.transport === 'registry' ? { kind: 'image', reference } : { kind: 'layout', reference },
    ];
  });
  return { ...about, sources: Object.fromEntries(asked) };
}
