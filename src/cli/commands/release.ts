import { buildCommand, buildRouteMap, numberParser } from '@stricli/core';
import type { Host } from '../host.js';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';
import { passwordStdinFlag, signingKeyFlag } from './trust.js';

const releaseArgument = {
  brief: 'The release: a channel, a tag or a digest where the releases are, or a whole reference',
  parse: String,
  placeholder: 'RELEASE',
} as const;

const channelArgument = {
  brief: 'A channel of [release.channels]',
  parse: String,
  placeholder: 'CHANNEL',
} as const;

const dryRunFlag = {
  kind: 'boolean',
  brief: 'Say what would be done, and change nothing',
  optional: true,
  withNegated: false,
} as const;

const build = buildCommand({
  docs: {
    brief: 'Compose a release of the components as they are now',
    fullDescription:
      'Resolves every source of the engine in [release] to a digest, composes one image with a layer for each component at ' +
      '/SOURCE, and pushes it with a tag that tells its digest. The lock is in the image and in an annotation. The same ' +
      'components give the same digest anywhere, and a component that did not change has the layer of the last release.',
  },
  parameters: {
    flags: {
      squash: {
        kind: 'boolean',
        brief: 'Compose a single layer of all components',
        optional: true,
        withNegated: false,
      },
      lock: {
        kind: 'parsed',
        parse: String,
        brief: 'Compose what this lock says, wherever the tags of the components are now',
        placeholder: 'FILE',
        optional: true,
      },
      tag: {
        kind: 'parsed',
        parse: String,
        brief: 'Tag the image (repeatable)',
        placeholder: 'TAG',
        optional: true,
        variadic: true,
      },
      dryRun: { ...dryRunFlag, brief: 'Compose it, tell its digest, and push nothing' },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-build.js')).releaseBuild,
});

const test = buildCommand({
  docs: {
    brief: 'Run the tests on exactly the image that is promoted',
    fullDescription:
      'Installs the image by its digest into an empty store, sets the environment as an executor sees it, and runs every ' +
      '[[release.test]] in the directory of engineshed.toml. The outcome is attached to the digest as an in-toto test result, signed where ' +
      'a key is given and the image is signed: under a policy only a result counts that one of its keys signed. ' +
      'ENGINESHED_HOME and ENGINESHED_ENGINE are those of the release. Ends with 65 where a test failed.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument] },
    flags: {
      junit: {
        kind: 'parsed',
        parse: String,
        brief: 'Write the outcome as JUnit XML',
        placeholder: 'FILE',
        optional: true,
      },
      concurrent: {
        kind: 'parsed',
        parse: parseCount,
        brief: 'How many tests run at the same time',
        placeholder: 'NUMBER',
        default: '2',
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: { ...dryRunFlag, brief: 'Run the tests, and attach nothing' },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-test.js')).releaseTest,
});

const promote = buildCommand({
  docs: {
    brief: 'Let a channel lead to a release that passed its tests',
    fullDescription:
      'Refused unless the tests that there are now passed on that very digest, and the signatures are there that policies ask for: those of ' +
      'the image, and under a policy also that of the test result. The tag of the version comes first and is never ' +
      'moved afterwards, the tag of the channel last. Done twice, the second time changes nothing.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument, channelArgument] },
    flags: {
      version: {
        kind: 'parsed',
        parse: String,
        brief: 'The version of the release; where the channel has dates, today (UTC) by default',
        placeholder: 'VERSION',
        optional: true,
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-promote.js')).releasePromote,
});

const rollback = buildCommand({
  docs: {
    brief: 'Let a channel lead to what it led to before',
    fullDescription:
      'Versions stay what they are; only the tag of the channel moves. The history of the channel tells of it.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: {
      to: {
        kind: 'parsed',
        parse: String,
        brief: 'A release that the channel led to, by default the one before',
        placeholder: 'RELEASE',
        optional: true,
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-rollback.js')).releaseRollback,
});

const renew = buildCommand({
  docs: {
    brief: 'Sign anew that a channel is where it is',
    fullDescription:
      'Makes a further step of the channel at the release that it leads to, with a new end: valid-days of [release.channels.CHANNEL] ' +
      'from now. Only where the step that is there was signed by a key that is known, and is not over: run it by a clock, more often ' +
      'than that.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: {
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-renew.js')).releaseRenew,
});

const history = buildCommand({
  docs: { brief: 'Print what a channel led to, and when' },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: { plainHttp: plainHttpFlag, offline: offlineFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-history.js')).releaseHistory,
});

const notes = buildCommand({
  docs: {
    brief: 'Print what changed between two releases, as Markdown',
    fullDescription:
      'Which components came, went, and moved from which version and revision to which, by what the releases themselves tell; and where ' +
      'the commits between can be read.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { ...releaseArgument, placeholder: 'FROM' },
        { ...releaseArgument, placeholder: 'TO' },
      ],
    },
    flags: { plainHttp: plainHttpFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-notes.js')).releaseNotes,
});

const sbom = buildCommand({
  docs: {
    brief: 'Print the bill of materials of a release, as SPDX 2.3 JSON',
    fullDescription:
      'Every component with its version, revision and digests, and every file with its SHA-1 and SHA-256, made of the layers of the ' +
      'release itself, each verified: what somebody attached to it is not believed. "release build" attaches the very same document. ' +
      'With --json it tells what the document is and whether it is attached, and does not print it.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument] },
    flags: { plainHttp: plainHttpFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-sbom.js')).releaseSbom,
});

const bisect = buildCommand({
  docs: {
    brief: 'Find the first release that fails',
    fullDescription:
      'Runs COMMAND with releases between GOOD and BAD, two versions of one channel, each installed into an empty store, until the ' +
      'first bad one is found: about log2 of their number. It ends with 0 where the release is good, with 125 where it cannot tell.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'A release that is good, a later one that is bad, the command and its arguments',
        parse: String,
        placeholder: 'GOOD BAD -- COMMAND',
      },
      minimum: 2,
    },
    flags: {
      timeoutSeconds: {
        kind: 'parsed',
        parse: parseSeconds,
        brief: 'How long the command may take for one release; one that takes longer is bad',
        placeholder: 'SECONDS',
        default: '3600',
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-bisect.js')).releaseBisect,
});

const site = buildCommand({
  docs: {
    brief: 'Write web pages that tell of channels and releases',
    fullDescription:
      'Static HTML that needs no server and makes no request: what each channel leads to, every release with its components, ' +
      'revisions and tests, how to install it, and the differences between any two. DIR is replaced as a whole, and only where it ' +
      'is not there, empty, or was written by this command. The same releases give the same bytes.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The directory of the pages', parse: String, placeholder: 'DIR' }],
    },
    flags: {
      limit: {
        kind: 'parsed',
        parse: parseLimit,
        brief: 'The most releases; of more, the newest of every channel',
        placeholder: 'NUMBER',
        default: '1000',
      },
      key: {
        kind: 'parsed',
        parse: String,
        brief: 'A public key to check signatures with, beside those of the policies (repeatable)',
        placeholder: 'FILE',
        optional: true,
        variadic: true,
      },
      dryRun: { ...dryRunFlag, brief: 'Make the pages, tell how many, and write nothing' },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-site.js')).releaseSite,
});

/** `engineshed release` */
export const release = buildRouteMap<string, Host>({
  routes: { build, test, promote, rollback, renew, history, notes, sbom, bisect, site },
  docs: {
    brief: 'Compose, test and promote releases',
    fullDescription:
      'What is released, where to, and with which tests is said by [release] in engineshed.toml.',
  },
});

function parseCount(text: string): number {
  const count = numberParser(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) throw new Error('it is a number from 1 to 64');
  return count;
}

function parseSeconds(text: string): number {
  const seconds = numberParser(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
    throw new Error('it is a number of seconds from 1 to 86400');
  return seconds;
}

function parseLimit(text: string): number {
  const limit = numberParser(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new Error('it is a number from 1 to 10000');
  return limit;
}
