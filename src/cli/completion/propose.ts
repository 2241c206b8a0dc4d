import { type Command, proposeCompletions } from '@stricli/core';
import { escapeControls } from '../../errors/index.js';
import { application } from '../app.js';
import type { Host } from '../host.js';
import {
  allEngines,
  generations,
  images,
  installedEngines,
  type Proposal,
  parts,
  registries,
  replacements,
  sources,
} from './places.js';

/** What is asked for: the words before the one that is begun, and that. */
interface Begun {
  readonly host: Host;
  readonly command: string;
  readonly before: readonly string[];
  readonly word: string;
}

type Proposer = (begun: Begun) => Promise<readonly Proposal[]> | readonly Proposal[];

/** Commands whose ENGINE has to be installed. */
const ofInstalled = new Set([
  'use',
  'uninstall',
  'env',
  'which',
  'verify',
  'exec',
  'unlink',
  'rollback',
  'gc',
]);

/** What an argument or the value of a flag can be, by what it is called. What is not here is a file, or cannot be proposed. */
const proposers: Readonly<Record<string, Proposer>> = {
  ENGINE: ({ host, command }) => (ofInstalled.has(command) ? installedEngines(host) : allEngines(host)),
  'ENGINE|REF': async ({ host, word }) =>
    /[/:]/.test(word) ? images(host, word) : [...(await allEngines(host)), ...(await images(host, word))],
  'ENGINE -- COMMAND': ({ host, before }) =>
    before.length > 0
      ? []
      : installedEngines(host).flatMap(({ word, about = '' }) => [
          { word, about },
          { word: `+${word}`, about },
        ]),
  'SOURCE=WHAT... -- COMMAND': ({ host, word, before }) =>
    before.includes('--') ? [] : replacements(host, word),
  SOURCE: ({ host }) => sources(host),
  REF: ({ host, word }) => images(host, word),
  FROM: ({ host, word }) => images(host, word),
  TO: ({ host, word }) => images(host, word),
  REPOSITORY: async ({ host }) =>
    (await images(host, '')).map(({ word, about = '' }) => ({ word: word.slice(0, -1), about })),
  'HOST[:PORT][/PATH]': ({ host }) => registries(host),
  'HOST[:PORT]': ({ host }) => registries(host),
  'PART[/PATH]': ({ host }) => parts(host),
  'OS/ARCH[/VARIANT]': () =>
    ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64', 'windows/amd64'].map((word) => ({ word })),
  N: ({ host, command }) => (command === 'rollback' ? generations(host) : []),
};

/**
 * What can stand in the place of the last word, each with what it is. Flags only where the word begins like one.
 * @param asked the words after the name of the program; the last is the one that is begun, and may be empty, or `""` where a shell
 *   cannot hand over what is empty
 */
export async function propose(host: Host, asked: readonly string[]): Promise<Proposal[]> {
  const words = asked.at(-1) === '""' ? [...asked.slice(0, -1), ''] : asked;
  const [command = ''] = words;
  const word = words.at(-1) ?? '';
  const about = new Map<string, string>();
  const app = application(host, (spec) =>
    withProposals(spec, async (proposer) => {
      try {
        const found = await proposer({ host, command, before: words.slice(1, -1), word });
        for (const proposal of found) about.set(proposal.word, proposal.about ?? '');
        return found.map((proposal) => proposal.word);
      } catch {
        // A broken file or store is told by commands, not while somebody types.
        return [];
      }
    }),
  );
  const found = await proposeCompletions(app, words, host);
  return found
    .filter(
      ({ kind, completion }) => kind !== 'argument:flag' || (word.startsWith('-') && completion !== '--'),
    )
    .map(({ kind, completion, brief }) => ({
      word: completion,
      about: kind === 'argument:value' ? (about.get(completion) ?? '') : brief,
    }));
}

/** What the scripts for shells read: a line for each, the word and what it is with a tab between. */
export function formatProposals(proposals: readonly Proposal[]): string {
  return proposals
    .filter(({ word }) => word === escapeControls(word))
    .map(({ word, about = '' }) => `${word}\t${escapeControls(about)}\n`)
    .join('');
}

type Parameter = { readonly placeholder?: string; readonly proposeCompletions?: unknown };

/** The command, whose arguments and flags know what they can be. */
function withProposals(
  command: Command<Host>,
  ask: (proposer: Proposer) => Promise<readonly string[]>,
): Command<Host> {
  const proposing = <P extends Parameter>(parameter: P): P => {
    const proposer = proposers[(parameter.placeholder ?? '').replace(/\.\.\.$/, '')];
    return proposer === undefined ? parameter : { ...parameter, proposeCompletions: () => ask(proposer) };
  };
  const { positional, flags = {} } = command.parameters as {
    positional?: { kind: string; parameter?: Parameter; parameters?: readonly Parameter[] };
    flags?: Readonly<Record<string, Parameter>>;
  };
  const parameters = {
    ...command.parameters,
    flags: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, proposing(flag)])),
    ...(positional === undefined
      ? {}
      : {
          positional: {
            ...positional,
            ...(positional.parameter && { parameter: proposing(positional.parameter) }),
            ...(positional.parameters && { parameters: positional.parameters.map(proposing) }),
          },
        }),
  };
  return { ...command, parameters } as Command<Host>;
}
