import { buildCommand } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag, registryFlag } from './flags.js';

/** `engineshed lock` */
export const lock = buildCommand({
  docs: {
    brief: 'Write the lock of the project, installing nothing',
    fullDescription:
      'Writes engineshed.lock beside the engineshed.toml that names the engine of the project: every digest and size, for all ' +
      'platforms. What a lock that is there says stays, as far as the file still asks for it; "engineshed update" moves it on.',
  },
  parameters: {
    flags: {
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/lock.js')).lock,
});
