import { type InstalledEngine, readEngines, recall, remember } from '../../store/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { lookCommand } from '../notice/command.js';
import { outdatedEngines } from './outdated.js';

/** A day, in milliseconds. */
const dayMs = 24 * 60 * 60 * 1000;

/** What is remembered of one look: the states of channels that an update would move. */
interface Look {
  readonly moved: readonly { readonly name: string; readonly id: string }[];
}

/** Tells, at most once a day, which installed channels have moved; lets the program look in the background, at most once a day. */
export async function notice(host: Host): Promise<void> {
  try {
    const paths = openPaths(host);
    const now = host.now();
    const wasToday = (key: string) => (recall(paths, key, now)?.ageMs ?? dayMs) < dayMs;
    if (installedChannels(host).length > 0 && !wasToday('channels asked')) {
      remember(paths, 'channels asked', true, now);
      // Where that could not be written, every command would look.
      if (wasToday('channels asked')) await host.inBackground(lookCommand);
    }
    const moved = stillMoved(host, recall(paths, 'channels', now)?.value);
    if (moved.length === 0 || wasToday('channels told')) return;
    remember(paths, 'channels told', true, now);
    const verb = moved.length === 1 ? 'has' : 'have';
    host.process.stderr.write(
      `${moved.join(', ')} ${verb} moved since installed here: see "engineshed outdated", then "engineshed update NAME"\n`,
    );
  } catch {
    // The command was done, and what is wrong here the next one that needs it tells.
  }
}

/** Looks whether the installed channels have moved, and remembers it. A channel that cannot be asked has not. */
export async function lookForMovedChannels(host: Host): Promise<void> {
  const found = await Promise.all(
    installedChannels(host).map(async ({ name, id }) => {
      const engines = await outdatedEngines(host, {}, [name], () => {}).catch(() => []);
      return engines.some(({ changes }) => changes.length > 0) ? [{ name, id }] : [];
    }),
  );
  const look: Look = { moved: found.flat() };
  remember(openPaths(host), 'channels', look, host.now());
}

function installedChannels(host: Host): InstalledEngine[] {
  return readEngines(openPaths(host), () => {}).filter(({ kind }) => kind === 'channel');
}

/** The names of those that nobody has brought up to date meanwhile. */
function stillMoved(host: Host, value: unknown): string[] {
  const { moved } = (value ?? {}) as Partial<Look>;
  if (!Array.isArray(moved)) return [];
  return installedChannels(host)
    .filter(({ name, id }) => moved.some((one) => one?.name === name && one?.id === id))
    .map(({ name }) => name);
}
