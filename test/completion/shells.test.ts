import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, program, run, type User } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';

const terminal = fileURLToPath(new URL('../support/terminal.py', import.meta.url));

/** How each shell is started without anybody's settings, and loads the completion. */
const shells = {
  bash: { argv: ['bash', '--norc', '--noprofile', '-i'], load: 'eval "$(engineshed completion bash)"' },
  zsh: {
    argv: ['zsh', '-f', '-i'],
    load: 'autoload -Uz compinit && compinit -u -D && source <(engineshed completion zsh)',
  },
  fish: { argv: ['fish', '--no-config', '-i'], load: 'engineshed completion fish | source' },
};

/**
 * A user with two engines, whose images are in a registry, and an `engineshed` that completes as the real one and else prints its
 * arguments.
 */
async function prepare(): Promise<{ user: User; host: string; environment: Record<string, string> }> {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const user = newUser();
  mkdirSync(`${user.work}/component`);
  writeFileSync(`${user.work}/component/file`, 'content\n');
  const image = `${registry.host}/acme/component`;
  await user.output(['publish', 'component', `${image}:1.2.3`, '--tag', '2.0.0', '--tag', 'edge']);
  await user.output(['install', `${image}:1.2.3`, '--name', 'acme-one']);
  await user.output(['install', `${image}:2.0.0`, '--name', 'other-two']);
  mkdirSync(`${user.home}/bin`);
  writeFileSync(
    `${user.home}/bin/engineshed`,
    [
      '#!/bin/sh',
      `case "$1" in __complete | completion) exec "${process.execPath}" "${program}" "$@" ;; esac`,
      'printf "RAN"; printf "<%s>" "$@"; echo " END"',
      '',
    ].join('\n'),
  );
  chmodSync(`${user.home}/bin/engineshed`, 0o755);
  const PATH = `${user.home}/bin:${user.environment.PATH}`;
  return { user, host: registry.host, environment: { ...user.environment, PATH, TERM: 'xterm', PS1: '$ ' } };
}

describe.each(Object.entries(shells))('%s', (name, { argv, load }) => {
  it.skipIf(peersMissing('python3', name))(
    'completes what was begun, when the key is pressed',
    async () => {
      const { user, host, environment } = await prepare();
      const cases = [
        ['engineshed uninst\t acme-one', '<uninstall><acme-one>'],
        ['engineshed use ac\t', '<use><acme-one>'],
        ['engineshed which --eng\toth\tcomp\t', '<which><--engine><other-two><component>'],
        ['engineshed exec +o\t-- true', '<exec><+other-two><--><true>'],
        [`engineshed inspect ${host}/acme/component:e\t`, `<inspect><${host}/acme/component:edge>`],
        [`engineshed inspect ${host}/ac\t1\t`, `<inspect><${host}/acme/component:1.2.3>`],
        ['engineshed env --shell po\t', '<env><--shell><powershell>'],
        ['engineshed publish compo\t x', '<publish><component'],
      ] as const;
      const steps = [
        [
          `${load}; echo ready-$((1 + 1)) || true\n`.replace(
            '$((1 + 1))',
            name === 'fish' ? '(math 1+1)' : '$((1+1))',
          ),
          'ready-2',
        ],
        ...cases.map(([keys, ran]) => [`${keys}\n`, `RAN${ran}`]),
      ];
      const result = await run('python3', [terminal, ...argv], {
        directory: user.work,
        environment,
        input: JSON.stringify(steps),
      });
      expect(result.status, result.stdout + result.stderr).toBe(0);
    },
    60_000,
  );
});

describe('what is proposed', () => {
  it('is quick and silent where registries, files or the store are broken', async () => {
    const { user, environment } = await prepare();
    writeFileSync(`${user.work}/engineshed.toml`, 'broken =\n');
    const propose = (...words: string[]) => user.engineshed(['__complete', '--', ...words], { environment });
    expect(await propose('install', 'tr')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await propose('use', '')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^acme-one\t.*\nother-two\t.*\n$/),
    });
    expect(await propose('use', '""')).toEqual(await propose('use', ''));
    expect(await propose('nonsense', '')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await propose()).toMatchObject({ status: 0, stderr: '' });
  });

  it('C09 is what was remembered where a registry does not answer', async () => {
    const registry = await ScriptedRegistry.start();
    onTestFinished(() => registry.close());
    const user = newUser();
    mkdirSync(`${user.work}/component`);
    const image = `${registry.host}/acme/component`;
    await user.output(['publish', 'component', `${image}:1.2.3`]);
    await user.output(['install', `${image}:1.2.3`]);
    const propose = async (word: string) =>
      (await user.engineshed(['__complete', '--', 'inspect', word], { patience: 20_000 })).stdout;
    expect(await propose(`${image}:`)).toBe(`${image}:1.2.3\ttag\n`);
    const asked = registry.requests.length;
    expect(await propose(`${image}:1`)).toBe(`${image}:1.2.3\ttag\n`);
    expect(registry.requests.length).toBe(asked);
    registry.script(() => new Promise(() => {}));
    expect(await propose(`${registry.host}/acme/unknown:`)).toBe('');
  });

  it('is flags only where a flag was begun, with what they do', async () => {
    const user = newUser();
    const propose = async (...words: string[]) =>
      (await user.engineshed(['__complete', '--', ...words])).stdout;
    expect(await propose('list', '')).toBe('');
    expect(await propose('list', '--')).toMatch(/^--json\tPrint the result as one JSON document\n/);
    expect(await propose('inst')).toBe('install\tInstall an engine, or bring it up to date\n');
    expect(await propose('install', 'trai')).toBe('train\tThe latest stable release of the hamlet engine\n');
    expect(await propose('')).toContain('completion\t');
  });
});

it('the script for a shell that there is none for is a mistake', async () => {
  const { status, stderr } = await newUser().engineshed(['completion', 'bsh']);
  expect([status, stderr]).toEqual([64, expect.stringContaining('Did you mean "bash"?')]);
});
