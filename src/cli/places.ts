import { isAbsolute, resolve } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import type { Host } from './host.js';

/**
 * Where the store is: `ENGINESHED_HOME`, else `engineshed` in `XDG_DATA_HOME`, else `~/.local/share/engineshed`
 * (on Windows in `LOCALAPPDATA`).
 * @throws EngineshedError `CONFIG_INVALID` for a relative `ENGINESHED_HOME`
 */
export function storeRoot(host: Host): string {
  const { ENGINESHED_HOME, XDG_DATA_HOME, LOCALAPPDATA } = host.environment;
  if (ENGINESHED_HOME) {
    if (!isAbsolute(ENGINESHED_HOME)) {
      throw new EngineshedError(
        'CONFIG_INVALID',
        `ENGINESHED_HOME is "${ENGINESHED_HOME}", which is not an absolute path`,
        {
          hint: 'Set it to an absolute path, or unset it.',
        },
      );
    }
    return resolve(ENGINESHED_HOME);
  }
  if (host.platform === 'win32' && LOCALAPPDATA) return `${LOCALAPPDATA}\\engineshed`;
  return `${absoluteOr(XDG_DATA_HOME, `${host.home}/.local/share`)}/engineshed`;
}

/** The user's own configuration file: `engineshed/engineshed.toml` in `XDG_CONFIG_HOME` or `~/.config`. */
export function userConfiguration(host: Host): string {
  return `${absoluteOr(host.environment.XDG_CONFIG_HOME, `${host.home}/.config`)}/engineshed/engineshed.toml`;
}

/** A relative path in an XDG variable does not count (XDG base directory specification). */
function absoluteOr(path: string | undefined, otherwise: string): string {
  return path && isAbsolute(path) ? path : otherwise;
}
