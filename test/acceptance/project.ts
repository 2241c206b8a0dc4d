import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, type User } from './cli.js';

/** A registry with two components of a product, each with a tag `edge` that can be moved, and a project that is for them. */
export async function situation(pin = 'engine = "acme"\n') {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const image = (component: string) => `${registry.host}/acme/${component}`;
  const publish = async (component: string, release: string, ...flags: string[]) => {
    mkdirSync(`${user.work}/${component}`, { recursive: true });
    writeFileSync(`${user.work}/${component}/release`, release);
    return user.json(['publish', component, `${image(component)}:edge`, ...flags]);
  };
  await publish('core', 'one');
  await publish('plugin', 'one');
  const project = `${user.work}/project`;
  mkdirSync(project);
  const file = `${project}/engineshed.toml`;
  const definition = `[engines.acme.sources]
core = { image = "${image('core')}:edge" }
plugin = { image = "${image('plugin')}:edge" }
[engines.acme.environment]
CORE = { part = "core", path = "release" }
PLUGIN = { part = "plugin", path = "release" }
`;
  writeFileSync(file, pin + definition);
  const lock = `${project}/engineshed.lock`;
  const at = { directory: project };
  return {
    user,
    registry,
    image,
    publish,
    project,
    file,
    lock,
    definition,
    at,
    readLock: () => JSON.parse(readFileSync(lock, 'utf8')),
    /** What the state of the lock has for a variable. */
    content: (variable: string) => {
      const { engine, id } = JSON.parse(readFileSync(lock, 'utf8'));
      const { environment } = JSON.parse(
        readFileSync(`${user.store}/engines/${engine}/${id}/engine.json`, 'utf8'),
      );
      return readFileSync(environment.set[variable], 'utf8');
    },
  };
}

/** The exit status and the error of a command that must fail there. */
export async function failed(user: User, args: string[], directory: string) {
  const run = await user.engineshed([...args, '--json'], { directory });
  expect(run.status, run.stderr).not.toBe(0);
  return { status: run.status, ...JSON.parse(run.stderr).error };
}
