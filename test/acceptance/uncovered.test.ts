import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newUser } from './cli.js';

it("F01 tells what runs under the name of an engine with a policy, and is nobody's to sign", async () => {
  const user = newUser();
  const config = `${user.home}/.config/engineshed`;
  for (const directory of [config, `${user.home}/component/bin`, `${user.work}/mine`])
    mkdirSync(directory, { recursive: true });
  const environment = { ENGINESHED_SIGNING_PASSWORD: 'correct horse' };
  await user.output(['trust', 'generate-key-pair', 'acme'], { environment });
  cpSync(`${user.work}/acme.pub`, `${config}/acme.pub`);
  const own = `
[engines.local.sources]
engine = { directory = "${user.home}/component" }
other = { directory = "${user.home}/component" }
[engines.local.environment]
ENGINE_DIR = { part = "engine" }
MODE = "safe"
`;
  writeFileSync(`${config}/engineshed.toml`, own);
  await user.output(['install', 'local']);
  // Without a policy nothing is asked for, and nothing is missing.
  expect(await user.json(['verify'])).toMatchObject({ uncovered: [] });
  const policy = '[trust.acme]\nengines = ["local"]\nkeys = ["acme.pub"]\n';
  writeFileSync(`${config}/engineshed.toml`, own + policy);
  const policies = [{ name: 'acme', file: `${config}/engineshed.toml` }];
  const component = `${user.home}/component`;
  const directories = (engine: string) => [
    { source: 'engine', directory: engine, linked: false },
    { source: 'other', directory: component, linked: false },
  ];
  expect(await user.json(['verify', 'local'])).toMatchObject({
    uncovered: [{ engine: 'local', policies, directories: directories(component), variables: [] }],
  });

  // A checkout takes the name.
  writeFileSync(
    `${user.work}/engineshed.toml`,
    'engine = "local"\n[engines.local]\nextends = "local"\nsources.engine = { directory = "mine" }\nenvironment.MODE = "other"\nenvironment.MORE = "1"\n',
  );
  await user.output(['install']);
  const uncovered = {
    engine: 'local',
    policies,
    directories: directories(`${user.work}/mine`),
    variables: ['MODE', 'MORE'],
  };
  expect(await user.json(['show'])).toMatchObject({ name: 'local', uncovered });
  expect(await user.json(['current', '--explain'])).toMatchObject({ uncovered });
  // The name stands for another state than the project.
  expect((await user.json(['trust', 'show', 'local'])).uncovered).toHaveLength(2);
  for (const command of [['current', '--explain'], ['verify'], ['show'], ['trust', 'show']]) {
    const text = await user.output(command);
    expect(text).toContain(`the policy "acme" of ${config}/engineshed.toml does not cover of local, state `);
    expect(text).toContain(`source engine: the directory ${user.work}/mine`);
    expect(text).toContain('variable MODE: ');
  }
  // What is read by programs stays as it is.
  expect(await user.output(['current'])).toBe('local\n');
  await user.output(['link', 'other', 'mine']);
  expect((await user.json(['show'])).uncovered.directories).toContainEqual({
    source: 'other',
    directory: `${user.work}/mine`,
    linked: true,
  });
  // A file that cannot be read keeps nobody from checking the store.
  writeFileSync(`${config}/engineshed.toml`, 'nonsense');
  const checked = await user.engineshed(['verify']);
  expect([checked.status, checked.stderr]).toEqual([
    0,
    expect.stringContaining('What policies do not cover'),
  ]);
});
