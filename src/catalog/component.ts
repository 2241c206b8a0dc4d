import { isEngineshedError } from '../errors/index.js';
import type { Requirement } from '../requirements/index.js';
import { readText } from './load.js';
import { readRequires } from './requires.js';
import { componentSchema } from './schema.js';
import { checkToml, readToml } from './toml.js';

/** Where a component's directory has what it says of itself. */
const componentFile = '.engineshed/component.toml';

/** What a component says of itself. */
export interface Component {
  readonly requires: readonly Requirement[];
}

/**
 * Reads what a component says of itself in `.engineshed/component.toml`; nothing where it has no such file.
 * @param directory the component's, absolute
 * @throws EngineshedError `CONFIG_INVALID`, `FILE_PERMISSION`, `IO_FAILED`
 */
export async function readComponent(directory: string): Promise<Component> {
  const path = `${directory}/${componentFile}`;
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    if (isEngineshedError(error, 'PATH_NOT_FOUND')) return { requires: [] };
    throw error;
  }
  const source = { name: path, text };
  const { requires = {} } = checkToml(source, readToml(source), componentSchema);
  return { requires: readRequires(source, ['requires'], requires, 'component') };
}
