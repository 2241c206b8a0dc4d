import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { basicAuthentication, ScriptedRegistry } from '../../src/testing/index.js';
import type { User } from '../acceptance/user.js';
import { publishProduct } from '../support/product.js';
import {
  damaged,
  followed,
  governed,
  inProject,
  installed,
  interruptDownload,
  linkable,
  moved,
  published,
  publishLayers,
  released,
  releaseEnvironment,
} from './prepare.js';

/** A command that changes something, given in a certain situation. */
export interface Change {
  readonly command: readonly string[];
  readonly input?: string;
  /** Whether what it publishes tells when, so that it is another each time. */
  readonly isDated?: true;
  /** Whether a kill may leave whole states of engines that no name leads to, for a collection to take. */
  readonly mayLeaveStates?: true;
  /** More environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What may be active while it runs and whenever it ends, null is nothing. */
  readonly active: readonly (string | null)[];
  /** The exit status that it has when nothing disturbs it; 0 unless told. */
  readonly status?: number;
  /** The exit statuses that it may have when it is given once more; `status` unless told. */
  readonly again?: readonly number[];
  /** Whether files of the active engine are damaged: what the command does about it. Unless told they are not. */
  readonly damage?: 'told' | 'repaired';
  /** The exit status of a call that fails, where it is not that of the error's kind. */
  readonly failed?: number;
  /** Ends what the situation needs beside its files. */
  readonly close?: () => Promise<void>;
}

const first = 'hello-1.0.0';
const second = 'hello-2.0.0';

/** Makes the situation out of a user's empty home. */
type Prepare = (user: User) => Promise<Change>;

/** Every change that is walked through, by what it does. */
export const changes: Readonly<Record<string, Prepare>> = {
  'install, the first': async (user) => {
    await publishProduct(user);
    return { command: ['install', first], active: [null, first] };
  },
  install: async (user) => {
    await installed(user, first);
    return { command: ['install', second, '--use'], active: [first, second] };
  },
  'install, what has moved': async (user) => {
    await followed(user);
    return { command: ['install', 'hello'], active: ['hello'] };
  },
  'install, several layers': async (user) => {
    await installed(user, first);
    await publishLayers(user);
    return { command: ['install', 'oci:images/layered:1', '--name', 'layered'], active: [first] };
  },
  'install from a registry': async (user) => {
    await installed(user, first);
    const { registry, image } = await published(user);
    return { command: ['install', image, '--name', 'large'], active: [first], close: () => registry.close() };
  },
  'install, interrupted before': async (user) => {
    await installed(user, first);
    const { registry, image } = await published(user);
    const command = ['install', image, '--name', 'large'];
    await interruptDownload(user, registry, command);
    return { command, active: [first], close: () => registry.close() };
  },
  'install, a damaged state': async (user) => {
    await installed(user, first);
    const { id } = await user.json(['show', first]);
    appendFileSync(`${user.store}/engines/${first}/${id}/env`, '# not ours\n');
    return { command: ['install', first], active: [first] };
  },
  verify: async (user) => {
    await damaged(user, first);
    return { command: ['verify'], status: 65, damage: 'told', active: [first] };
  },
  'verify --repair': async (user) => {
    await damaged(user, first);
    return { command: ['verify', '--repair'], damage: 'repaired', active: [first], failed: 65 };
  },
  exec: async (user) => {
    await installed(user, first);
    const command = ['exec', first, '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada'];
    return { command, active: [first] };
  },
  use: async (user) => {
    await installed(user, first, second);
    return { command: ['use', second], active: [first, second] };
  },
  uninstall: async (user) => {
    await installed(user, first, second);
    return { command: ['uninstall', second], active: [first], again: [0, 66] };
  },
  'uninstall the active one': async (user) => {
    await installed(user, first, second);
    return { command: ['uninstall', first, '--force'], active: [first, null], again: [0, 66] };
  },
  gc: async (user) => {
    await followed(user);
    await user.output(['install', 'hello']);
    await user.output(['install', first]);
    return { command: ['gc', '--keep', '1', '--unused-for', '0h'], active: ['hello'] };
  },
  rollback: async (user) => {
    await followed(user);
    await user.output(['install', 'hello']);
    await user.output(['install', second, '--use']);
    return { command: ['rollback', '--to', '1'], active: ['hello', second] };
  },
  update: async (user) => {
    await followed(user);
    return { command: ['update', 'hello'], active: ['hello'] };
  },
  lock: async (user) => {
    await inProject(user);
    return { command: ['lock'], active: [null] };
  },
  'install in a project': async (user) => {
    await inProject(user);
    return { command: ['install'], active: [null, 'hello'] };
  },
  'update in a project': async (user) => {
    await inProject(user);
    await user.output(['install']);
    await moved(user);
    return { command: ['update', 'engine'], active: ['hello'] };
  },
  try: async (user) => {
    await installed(user, first);
    const command = ['try', 'engine=2.0.0', '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada'];
    return { command, active: [first], mayLeaveStates: true };
  },
  link: async (user) => {
    await linkable(user);
    return { command: ['link', 'engine', './components/engine'], active: [first] };
  },
  unlink: async (user) => {
    await linkable(user);
    await user.output(['link', 'engine', './components/engine']);
    return { command: ['unlink', 'engine'], active: [first], again: [0, 64, 66] };
  },
  'release build': async (user) => {
    await released(user, 'components');
    return {
      command: ['release', 'build', '--tag', 'candidate'],
      environment: releaseEnvironment,
      active: [null],
    };
  },
  'release test': async (user) => {
    await released(user, 'built');
    return {
      command: ['release', 'test', 'candidate'],
      environment: releaseEnvironment,
      isDated: true,
      active: [null],
    };
  },
  'release promote': async (user) => {
    await released(user, 'tested');
    const command = ['release', 'promote', 'candidate', 'train', '--version', '1.0.0'];
    return { command, isDated: true, environment: releaseEnvironment, active: [null] };
  },
  'publish to a layout': async (user) => {
    await publishProduct(user);
    return {
      command: ['publish', 'components/engine', 'oci:images/engine:1.0.0', '--tag', 'edge'],
      active: [null],
    };
  },
  'publish to a new layout': async (user) => {
    cpSync('examples/hello', user.work, { recursive: true });
    return { command: ['publish', 'components/engine', 'oci:new/images:1'], active: [null] };
  },
  'publish to a registry': async (user) => {
    cpSync('examples/hello', user.work, { recursive: true });
    const registry = await ScriptedRegistry.start();
    const command = ['publish', 'components/engine', `${registry.host}/acme/engine:1`];
    return { command, active: [null], close: () => registry.close() };
  },
  attach: async (user) => {
    await publishProduct(user);
    writeFileSync(`${user.work}/bill.json`, '{}');
    const command = ['attach', 'oci:images/engine:2.0.0', '--type', 'application/spdx+json', 'bill.json'];
    return { command, active: [null] };
  },
  copy: async (user) => {
    await publishProduct(user);
    return { command: ['copy', 'oci:images/engine:2.0.0', 'oci:copies:2'], active: [null] };
  },
  export: async (user) => {
    await installed(user, first, second);
    await user.output(['export', second, 'engine.tar']);
    return { command: ['export', first, 'engine.tar', '--replace'], active: [first] };
  },
  import: async (user) => {
    await installed(user, first, second);
    await user.output(['export', second, 'engine.tar']);
    await user.output(['uninstall', second]);
    return { command: ['import', 'engine.tar', '--use'], active: [first, second] };
  },
  login: async (user) => {
    const registry = await ScriptedRegistry.start();
    registry.script(basicAuthentication({ ada: 'lovelace' }));
    const login = (name: string) => ['login', name, '--username', 'ada', '--password-stdin'];
    await user.output(login(registry.host), { input: 'lovelace\n' });
    const command = login(`${registry.host}/acme`);
    // Whatever keeps a credential file from being read, it cannot be used.
    return { command, input: 'lovelace\n', active: [null], failed: 77, close: () => registry.close() };
  },
  'install under a policy': async (user) => {
    await governed(user);
    await user.output(['install', first]);
    return { command: ['install', 'train'], active: [first] };
  },
};
