import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeTree } from '../../src/layer/remove.js';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, program, run, type User } from '../acceptance/cli.js';
import { makeHamlet } from '../support/hamlet.js';
import { peerProgram, peersMissing } from '../support/peers.js';

const examples = fileURLToPath(new URL('../../examples/pipelines', import.meta.url));
/** Engineshed is there already; installing it is for the quickstart to test. */
const installsEngineshed = /^npm install --global "\$ENGINESHED_PACKAGE"$/;

/** A checkout of a project on a runner: a clean home, `engineshed` on the PATH, hamlet's images in a registry here. */
async function runner() {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const user = newUser();
  makeHamlet(`${user.home}/hamlet`, '9.1.0');
  const image = `${registry.host}/hamlet-io/hamlet-engine-base`;
  await user.output(['publish', `${user.home}/hamlet`, `${image}:9.1.0`, '--tag', 'latest']);
  const mirror = `[[registry]]\nprefix = "ghcr.io"\nlocation = "${registry.host}"\n`;
  mkdirSync(`${user.home}/.config/engineshed`, { recursive: true });
  writeFileSync(`${user.home}/.config/engineshed/engineshed.toml`, mirror);
  cpSync(`${examples}/engineshed.toml`, `${user.work}/engineshed.toml`);
  await user.output(['lock']);
  mkdirSync(`${user.home}/bin`);
  chmodSync(program, 0o755);
  symlinkSync(program, `${user.home}/bin/engineshed`);
  return { user, registry, image, mirror };
}

/** Runs a step as a runner does, and gives what it printed. */
async function step(user: User, text: string, more: Record<string, string> = {}): Promise<string> {
  const environment = {
    ...user.environment,
    PATH: `${user.home}/bin:${process.env.PATH}`,
    CI: 'true',
    ENGINESHED_HOME: `${user.work}/.engineshed`,
    ...more,
  };
  const result = await run('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', text], {
    directory: user.work,
    environment,
  });
  expect(result.status, `${text}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout + result.stderr;
}

/** The lines of a pipeline that are for a shell: of `run:`, and of lists below `script:`. */
function stepsOf(file: string, job: string): string[] {
  const whole = execFileSync(
    'python3',
    [
      '-c',
      'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)',
      `${examples}/${file}`,
    ],
    { encoding: 'utf8' },
  );
  const parsed = JSON.parse(whole.replace('"true":', '"on":'));
  const steps: string[] =
    parsed.jobs === undefined
      ? parsed[job].script
      : parsed.jobs[job].steps.flatMap((one: { run?: string }) => (one.run === undefined ? [] : [one.run]));
  return steps.filter((text) => !installsEngineshed.test(text));
}

const hasYaml = (() => {
  try {
    execFileSync('python3', ['-c', 'import yaml'], { stdio: 'ignore' });
    return true;
  } catch {
    return process.env.ENGINESHED_REQUIRE_PEERS === '1';
  }
})();

describe('the example pipelines', () => {
  it.skipIf(peersMissing('actionlint'))('for GitHub are valid workflows', () => {
    for (const file of ['github-actions.yml', 'github-publish.yml']) {
      execFileSync(
        peerProgram('actionlint'),
        ['-no-color', '-shellcheck=', '-pyflakes=', `${examples}/${file}`],
        {
          stdio: 'pipe',
        },
      );
    }
  });

  it.skipIf(!hasYaml).each([['github-actions.yml'], ['gitlab-ci.yml']])(
    '%s installs what the lock says, once, and runs it',
    async (file) => {
      const { user, registry } = await runner();
      const steps = stepsOf(file, 'deploy');
      expect(steps.length).toBeGreaterThan(2);
      let output = '';
      for (const text of steps) output += await step(user, text);
      expect(output).toContain('engine 9.1.0');
      // The same again with the cache of that run: nothing of a layer is fetched.
      const before = registry.requests.length;
      for (const text of steps) await step(user, text);
      const blobs = registry.requests.slice(before).filter(({ kind }) => kind === 'blob');
      expect(blobs).toEqual([]);
      for (const text of stepsOf(file, 'outdated')) await step(user, text);
    },
  );

  it.skipIf(!hasYaml)('github-publish.yml publishes a commit and a pull request', async () => {
    const { user, registry } = await runner();
    execFileSync('git', ['init', '-q', '-b', 'main', user.work]);
    execFileSync('git', ['-C', user.work, 'add', '.']);
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    execFileSync('git', ['-C', user.work, ...author, 'commit', '-q', '-m', 'all']);
    const [commit = '', pullRequest = ''] = stepsOf('github-publish.yml', 'publish');
    await step(user, commit, { GITHUB_REPOSITORY: 'acme/component' });
    await step(user, pullRequest, {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/component',
      GITHUB_REF: 'refs/pull/12/merge',
      GITHUB_EVENT_NAME: 'pull_request',
    });
    const { tags } = await user.json(['tags', `${registry.host}/acme/component`]);
    expect(tags.map(({ tag }: { tag: string }) => tag).sort()).toEqual([
      'edge',
      'pr-12',
      expect.stringMatching(/^sha-[0-9a-f]{7}$/),
    ]);
  });

  it('Jenkinsfile has every bracket in its place, and its steps run', async () => {
    const { user } = await runner();
    const text = readFileSync(`${examples}/Jenkinsfile`, 'utf8');
    const steps = [...text.matchAll(/sh '''\n(.*?)'''/gs)].map(([, script = '']) => script);
    expect(steps.length).toBe([...text.matchAll(/\bsh '/g)].length);
    const groovy = text.replace(/'''.*?'''/gs, "''").replace(/^\s*\/\/.*$/gm, '');
    const open: string[] = [];
    for (const [bracket] of groovy.matchAll(/[{}()]/g)) {
      if (bracket === '{' || bracket === '(') open.push(bracket);
      else expect(open.pop()).toBe(bracket === '}' ? '{' : '(');
    }
    expect(open).toEqual([]);
    let output = '';
    for (const script of steps) output += await step(user, script);
    expect(output).toContain('engine 9.1.0');
  });

  it('installing fails where the lock is not what the project asks for', async () => {
    const { user } = await runner();
    writeFileSync(`${user.work}/engineshed.toml`, 'engine = "tram"\n');
    const { status } = await user.engineshed(['install', '--locked']);
    expect(status).not.toBe(0);
  });
});

describe.skipIf(peersMissing('buildah'))('the example Dockerfiles', () => {
  /** Not synchronously: the registry is in this process. */
  async function buildah(user: User, ...args: string[]): Promise<string> {
    const storage = ['--root', `${user.home}/storage`, '--runroot', `${user.home}/run`];
    const result = await run('buildah', [...storage, '--storage-driver', 'vfs', ...args], {
      patience: 120_000,
    });
    expect(result.status, result.stderr).toBe(0);
    return result.stdout.trim();
  }

  /** The root of a built image. */
  async function rootOf(user: User, image: string): Promise<string> {
    return buildah(user, 'mount', await buildah(user, 'from', image));
  }

  it('copies an engine into an image', async () => {
    const { user, image } = await runner();
    onTestFinished(() => removeTree(`${user.home}/storage`));
    const args = ['--build-arg', `ENGINE=${image}:9.1.0`, '--build-arg', 'BASE=scratch'];
    const file = `${examples}/Dockerfile.copy`;
    await buildah(
      user,
      'bud',
      '--isolation',
      'chroot',
      '--tls-verify=false',
      ...args,
      '-t',
      'copied',
      '-f',
      file,
      user.work,
    );
    const root = await rootOf(user, 'copied');
    expect(readFileSync(`${root}/opt/engine/engine/client/client.ftl`, 'utf8')).toBe('engine 9.1.0\n');
    const { config } = JSON.parse(await buildah(user, 'inspect', 'copied')).OCIv1;
    for (const entry of config.Env as string[]) {
      const paths = entry.slice(entry.indexOf('=') + 1).split(';');
      for (const path of paths.filter((one) => one.startsWith('/opt')))
        expect(execFileSync('ls', [root + path])).toBeTruthy();
    }
    expect(config.Env).toContain(
      'GENERATION_PLUGIN_DIRS=/opt/engine/engine-plugin-aws;/opt/engine/engine-plugin-azure',
    );
  });

  it('installs the engine of a lock while it is built', async () => {
    const { user, mirror } = await runner();
    onTestFinished(() => removeTree(`${user.home}/storage`));
    // An image whose programs are those of this machine: they are mounted, as is Engineshed.
    mkdirSync(`${user.home}/tools/usr`, { recursive: true });
    for (const name of ['bin', 'lib', 'lib64', 'sbin'])
      symlinkSync(`usr/${name}`, `${user.home}/tools/${name}`);
    writeFileSync(`${user.home}/tools/Dockerfile`, 'FROM scratch\nCOPY . /\nENV PATH=/opt/bin:/usr/bin\n');
    const chroot = ['bud', '--isolation', 'chroot', '--tls-verify=false'];
    await buildah(user, ...chroot, '-t', 'tools', `${user.home}/tools`);
    writeFileSync(
      `${user.work}/engineshed.toml`,
      `${readFileSync(`${examples}/engineshed.toml`, 'utf8')}\n${mirror}`,
    );
    const node = process.execPath;
    writeFileSync(
      `${user.home}/bin/in-image`,
      `#!/bin/sh\nexec "${node}" /engineshed/dist/cli/main.cjs "$@"\n`,
      { mode: 0o755 },
    );
    const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
    const volumes = [
      ['/usr', '/usr'],
      [repository, '/engineshed'],
      [`${user.home}/bin/in-image`, '/opt/bin/engineshed'],
      ...(node.startsWith('/usr/') ? [] : [[node, node]]),
    ].flatMap(([from, to]) => ['-v', `${from}:${to}:ro`]);
    const args = ['--build-arg', 'TOOLS=localhost/tools', '--build-arg', 'BASE=localhost/tools'];
    await buildah(
      user,
      ...chroot,
      ...volumes,
      ...args,
      '-t',
      'installed',
      '-f',
      `${examples}/Dockerfile.install`,
      user.work,
    );
    const root = await rootOf(user, 'installed');
    const env = execFileSync('readlink', [`${root}/opt/engineshed/current`], { encoding: 'utf8' });
    expect(env).toBe('engines/train/active\n');
    const { config } = JSON.parse(await buildah(user, 'inspect', 'installed')).OCIv1;
    expect(config.Entrypoint.slice(0, 2)).toEqual(['/bin/sh', '-c']);
    const text = readFileSync(`${root}/opt/engineshed/engines/train/active/env`, 'utf8');
    expect(text).toContain('/opt/engineshed/');
  });
});
