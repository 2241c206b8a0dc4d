import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newUser, type User } from './cli.js';

/** A user with a component that needs a program which is too old, one that is missing, and a check of its own. */
function withComponent(): User {
  const user = newUser();
  mkdirSync(`${user.work}/component/.engineshed`, { recursive: true });
  mkdirSync(`${user.work}/component/bin`);
  writeFileSync(
    `${user.work}/component/.engineshed/component.toml`,
    '[requires]\nbash = ">=4"\njq = ">=99"\nnosuch = { hint = "Ask for nosuch." }\nlicence = { check = "bin/licence" }\n',
  );
  writeFileSync(
    `${user.work}/component/bin/licence`,
    `#!/bin/sh\necho "$COMPONENT" >> "${user.home}/ran"\ntest -e "${user.home}/licence" || { echo "no licence"; exit 1; }\n`,
  );
  chmodSync(`${user.work}/component/bin/licence`, 0o755);
  writeFileSync(
    `${user.work}/engineshed.toml`,
    [
      '[engines.mine]',
      'sources.tool = { layout = "images:1" }',
      'environment.COMPONENT = { part = "tool" }',
      'requires.git = { version = "<1", packages.apt = "git-of-old" }',
      '',
    ].join('\n'),
  );
  return user;
}

const published = async (user: User) => user.output(['publish', 'component', 'oci:images:1']);

describe('what components need', () => {
  it('install warns of, and succeeds; it runs nothing that the component chose', async () => {
    const user = withComponent();
    await published(user);
    const { status, stderr, stdout } = await user.engineshed(['install', 'mine']);
    expect(status).toBe(0);
    expect(stdout).toContain('mine is installed');
    expect(stderr).toMatch(/^warning: mine needs git <1; .*\/git is [\d.]+\. Install git <1/m);
    expect(stderr).toMatch(/^warning: tool of mine needs jq >=99; .*\/jq is 1\.\S+\. Install jq >=99/m);
    expect(stderr).toMatch(/^warning: tool of mine needs nosuch; it is not on the PATH\. Ask for nosuch\.$/m);
    expect(stderr).toMatch(/^warning: 1 requirement can only be checked .*engineshed doctor$/m);
    expect(readdirSync(user.home)).not.toContain('ran');
    const { requirements } = await user.json(['install', 'mine']);
    expect(requirements.map(({ name, status }: Record<string, string>) => [name, status])).toEqual([
      ['git', 'unfit'],
      ['bash', 'met'],
      ['jq', 'unfit'],
      ['nosuch', 'missing'],
      ['licence', 'unchecked'],
    ]);
  });

  it('doctor checks, with the environment of the engine, and says what to do', async () => {
    const user = withComponent();
    await published(user);
    await user.output(['install', 'mine']);
    const look = async () => {
      const { status, stdout } = await user.engineshed(['doctor', '--json']);
      const { checks } = JSON.parse(stdout);
      const { summary, findings } = checks.find(({ name }: { name: string }) => name === 'requirements');
      return {
        status,
        summary,
        issues: findings.map((finding: { issue: string; cause: string }) => [finding.issue, finding.cause]),
      };
    };
    const first = await look();
    expect([first.status, first.summary]).toEqual([65, '1 of 5 are met']);
    expect(first.issues).toContainEqual([
      'tool of mine needs licence (checked by bin/licence)',
      'Its check says no: it ended with 1: no licence',
    ]);
    writeFileSync(`${user.home}/licence`, '');
    expect((await look()).summary).toBe('2 of 5 are met');
    const { parts } = await user.json(['show', 'mine']);
    expect(readFileSync(`${user.home}/ran`, 'utf8')).toBe(`${parts[0].directory}\n`.repeat(2));
  });

  it('E04 doctor runs nothing of an engine that is known to be damaged', async () => {
    const user = withComponent();
    await published(user);
    await user.output(['install', 'mine']);
    const { parts } = await user.json(['show', 'mine']);
    chmodSync(`${parts[0].directory}/bin/licence`, 0o755);
    writeFileSync(`${parts[0].directory}/bin/licence`, `#!/bin/sh\ntouch ${user.home}/ran\n`);
    await user.engineshed(['verify']);
    await user.engineshed(['doctor']);
    expect(readdirSync(user.home)).not.toContain('ran');
  });

  it('show and inspect list, before anything is fetched', async () => {
    const user = withComponent();
    await published(user);
    const { requires } = await user.json(['inspect', 'oci:images:1']);
    expect(requires.map(({ name }: { name: string }) => name)).toEqual(['bash', 'jq', 'nosuch', 'licence']);
    expect(await user.output(['inspect', 'oci:images:1'])).toMatch(/^requires +bash >=4$/m);
    expect(await user.output(['show', 'mine'])).toMatch(/^git <1 +mine$/m);
    await user.output(['install', 'mine']);
    expect(await user.output(['show', 'mine'])).toMatch(/^jq >=99 +tool of mine$/m);
  });

  it('is read of a directory as it stands, and travels with an exported engine', async () => {
    const user = withComponent();
    await user.output(['publish', 'component', 'oci:images:1']);
    await user.output(['install', 'mine']);
    await user.output(['export', 'mine', 'mine.tar']);
    const other = newUser();
    cpSync(`${user.work}/mine.tar`, `${other.work}/mine.tar`);
    await other.output(['import', 'mine.tar']);
    expect(await other.output(['show', 'mine'])).toMatch(/^git <1 +mine\n.*^nosuch +tool of mine$/ms);
    writeFileSync(`${user.work}/engineshed.toml`, '[engines.here]\nsources.tool.directory = "component"\n');
    const { requirements } = await user.json(['install', 'here']);
    expect(requirements).toContainEqual({ name: 'nosuch', by: ['tool of here'], status: 'missing' });
  });

  it('D03 a malformed file keeps a component from being published', async () => {
    const user = withComponent();
    writeFileSync(`${user.work}/component/.engineshed/component.toml`, '[requires]\njq = "new"\n');
    const { status, stderr } = await user.engineshed(['publish', 'component', 'oci:images:1']);
    expect([status, stderr]).toEqual([
      78,
      expect.stringMatching(/component\.toml:2: requires\.jq: "new" is not a range/),
    ]);
  });

  it('a malformed annotation is told, and keeps nobody from installing', async () => {
    const user = withComponent();
    await user.output([
      'publish',
      'component',
      'oci:images:1',
      '--annotation',
      'io.github.engineshed.requires=[{"name":"/bin/sh"}]',
    ]);
    const { status, stderr } = await user.engineshed(['install', 'mine']);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/what tool of mine needs is not known/)]);
    const { status: found, stdout } = await user.engineshed(['doctor']);
    expect([found, stdout]).toEqual([
      65,
      expect.stringMatching(/^warning: What tool of mine needs is not known$/m),
    ]);
  });
});

it('a program in the working directory is never asked', async () => {
  const user = withComponent();
  await published(user);
  symlinkSync('component/bin/licence', `${user.work}/jq`);
  await user.engineshed(['install', 'mine'], { environment: { PATH: `.:${user.environment.PATH}` } });
  expect(readdirSync(user.home)).not.toContain('ran');
});
