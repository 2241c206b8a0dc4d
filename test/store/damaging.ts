import { readFileSync, writeFileSync } from 'node:fs';
import { makeSample } from './sample.js';

/** The state of `first`, and changing a file of it. */
export async function installed() {
  const sample = await makeSample();
  const { engine, plan } = await sample.install('first');
  const home = sample.store.paths.engineState('first', engine.id);
  const edit = (name: string, from: string | RegExp, to: string) => {
    const text = readFileSync(`${home}/${name}`, 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${name} has no ${from}`);
    writeFileSync(`${home}/${name}`, changed);
  };
  const isUpToDate = async () => (await sample.plan('first')).upToDate;
  return { sample, engine, plan, home, edit, isUpToDate };
}
