import { resolve } from 'node:path';
import { overrideSource } from '../../catalog/index.js';
import { EngineshedError } from '../../errors/index.js';
import { baseOf, installedLock, linkSource, type Relinked, unlinkSource } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { isDirectory } from '../directories.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { definitionOf } from '../replaced.js';
import { openStore } from '../runtime.js';

/** The flags of `engineshed link` and `engineshed unlink`. */
interface LinkFlags {
  readonly engine?: string;
  readonly json?: boolean;
}

/** Puts a directory into an engine. */
export async function link(this: Host, flags: LinkFlags, source: string, given: string): Promise<void> {
  const directory = resolve(this.directory, given);
  if (!(await isDirectory(directory))) {
    throw new EngineshedError('PATH_NOT_FOUND', `There is no directory ${directory} to link`, {
      details: { path: directory },
    });
  }
  const { engine } = await chooseEngine(this, flags.engine, 'tell');
  const paths = openPaths(this);
  const definition = definitionOf(installedLock(paths, baseOf(paths, engine)));
  // Says what there is, where there is no such source.
  overrideSource(await openCatalogs(this, undefined), definition, source, {
    kind: 'directory',
    path: directory,
  });
  const inputs = { source, directory, platform: this.platform };
  const done = await withProgress(this, (report) => linkSource(openStore(this, report), engine, inputs));
  if (flags.json) {
    printDocument(this, done);
    return;
  }
  const before = done.before[source];
  const instead = before === undefined ? '' : `, instead of ${before}`;
  if (before === directory) printLine(this, `${source} of ${engine.name} is ${directory} already.`);
  else printLine(this, `${source} of ${engine.name} is ${directory} now${instead}.`);
}

/** Takes directories out of an engine. */
export async function unlink(this: Host, flags: LinkFlags, source?: string): Promise<void> {
  const { engine } = await chooseEngine(this, flags.engine, 'tell');
  const inputs = { platform: this.platform };
  const done = await withProgress(this, (report) =>
    unlinkSource(openStore(this, report), engine, source, inputs),
  );
  if (flags.json) {
    printDocument(this, done);
    return;
  }
  for (const [name, directory] of Object.entries(done.before))
    if (done.links[name] === undefined)
      printLine(this, `${name} of ${engine.name} is what was installed again, and not ${directory}.`);
}

function printDocument(host: Host, { engine, links }: Relinked): void {
  printJson(host, { name: engine.name, id: engine.id, linked: links });
}
