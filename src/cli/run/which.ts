import { existsSync } from 'node:fs';
import { EngineshedError } from '../../errors/index.js';
import { refuseDamaged } from '../../store/read.js';
import { chooseEngine } from '../engines.js';
import type { Host } from '../host.js';
import { printJson } from '../output.js';

/** Prints where a part of an engine, or something in it, stands. */
export async function which(
  this: Host,
  flags: { engine?: string; json?: boolean },
  asked: string,
): Promise<void> {
  const { engine } = await chooseEngine(this, flags.engine, 'tell');
  refuseDamaged(engine);
  const slash = asked.indexOf('/');
  const type = slash < 0 ? asked : asked.slice(0, slash);
  const part = engine.parts.find((candidate) => candidate.type === type);
  if (part === undefined) {
    throw new EngineshedError('PART_UNKNOWN', `The engine ${engine.name} has no part "${type}"`, {
      hint: `It has: ${engine.parts.map((candidate) => candidate.type).join(', ') || 'none'}.`,
    });
  }
  const path = slash < 0 ? part.directory : `${part.directory}${asked.slice(slash)}`;
  if (!existsSync(path)) {
    throw new EngineshedError(
      'PATH_NOT_FOUND',
      `The part ${type} of ${engine.name} has no ${asked.slice(slash + 1)}`,
      {
        details: { path },
      },
    );
  }
  if (flags.json) printJson(this, { engine: engine.name, part: type, path });
  // Exactly the path, whatever characters it has.
  else this.process.stdout.write(`${path}\n`);
}
