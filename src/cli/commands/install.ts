import { buildCommand } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag, platformFlag, registryFlag } from './flags.js';

/** `engineshed install` */
export const install = buildCommand({
  docs: {
    brief: 'Install an engine, or bring it up to date',
    fullDescription:
      'Resolves each source of the engine to a digest, fetches what the store lacks, verifies it and makes the engine complete in ' +
      'one step. ENGINE is a name from a catalog (see "engineshed available") or an image: registry/repository[:tag][@digest] or ' +
      'oci:DIR:tag. Without ENGINE it is, in a project, the one that its engineshed.toml names, exactly as engineshed.lock has it, ' +
      'which is written where it is missing or does not fit any more; elsewhere it is the default of the catalogs. The first engine ' +
      'that is installed becomes the active one.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'The engine, or an image', parse: String, placeholder: 'ENGINE|REF', optional: true },
      ],
    },
    flags: {
      name: {
        kind: 'parsed',
        parse: String,
        brief: 'Install an image under this name',
        placeholder: 'NAME',
        optional: true,
      },
      use: { kind: 'boolean', brief: 'Make it the active engine', optional: true, withNegated: false },
      locked: {
        kind: 'boolean',
        brief: 'Install what engineshed.lock says, or fail where it is not what the project asks for',
        optional: true,
        withNegated: false,
      },
      platform: { ...platformFlag, brief: "Install it as for another platform than this machine's" },
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be fetched, and change nothing',
        optional: true,
        withNegated: false,
      },
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/install.js')).install,
});
