import type { EngineDefinition } from '../engine/types.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { catalogFault } from './fault.js';
import { findEngine } from './find.js';
import { overrideSource } from './override.js';
import type { Catalogs } from './types.js';

/**
 * The engine that the project's file pins, with the overrides that it asks for.
 * @throws EngineshedError `CONFIG_INVALID` where there is no such engine, or an override that cannot be made; `USAGE` where no
 *   project's file was loaded, or it pins no engine
 */
export function pinnedEngine(catalogs: Catalogs): EngineDefinition {
  const { pin } = catalogs;
  if (pin === undefined) {
    throw new EngineshedError(
      'USAGE',
      'There is no project here: no engineshed.toml upward has the key "engine"',
      {
        hint: 'Write engine = "NAME" on the first line of an engineshed.toml.',
      },
    );
  }
  const at = <T>(path: readonly string[], work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!isEngineshedError(error, 'ENGINE_UNKNOWN', 'SOURCE_UNKNOWN', 'USAGE')) throw error;
      throw catalogFault(pin.file, path, error.message, { hint: error.hint, cause: error });
    }
  };
  const engine = at(['engine'], () => findEngine(catalogs, pin.engine));
  return [...pin.overrides].reduce(
    (changed, [name, override]) =>
      at(['overrides', name], () => overrideSource(catalogs, changed, name, override)),
    engine,
  );
}
