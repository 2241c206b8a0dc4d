import { loadCatalogs, parseCatalog } from '../../src/catalog/index.js';
import { type EngineDefinition, engineEnvironment } from '../../src/engine/index.js';
import { formatReference } from '../../src/oci/index.js';

/** The built-in catalog and nothing else. */
export const hamlet = await loadCatalogs([]);

/** A catalog of a project, by its text. */
export const file = (text: string, name = 'engineshed.toml') =>
  parseCatalog(text, { name, baseDirectory: '/project' });

/** The images and directories of an engine. */
export const images = ({ sources }: EngineDefinition) =>
  Object.values(sources).map((source) =>
    source.kind === 'directory' ? source.path : formatReference(source.reference),
  );

/** The environment of an engine whose sources are directories of their names. */
export const environment = (engine: EngineDefinition, platform = 'linux') =>
  engineEnvironment(engine, (part) => `/${part.source}${part.path === '.' ? '' : `/${part.path}`}`, platform);
