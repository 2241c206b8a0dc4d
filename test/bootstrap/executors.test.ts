import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run, userIn } from '../acceptance/user.js';
import { addImage, bootstrap, lacks } from '../support/bootstrap.js';
import { scripted } from '../support/registry-client.js';
import { archive, directory, file } from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const examples = fileURLToPath(new URL('../../examples/executors', import.meta.url));
const executors = { 'executor.bash': 'bash', 'executor.py': 'python3' };

describe.skipIf(lacks('curl', 'python3')).each(Object.entries(executors))('%s', (name, interpreter) => {
  it('uses the engine that is active, named, or named exactly, without Node', async () => {
    const registry = await scripted();
    const user = userIn(`${temporaryDirectory()}/a home with 'quotes'`);
    const install = (content: string) => {
      addImage(registry.contents, 'acme/engine', '1', [
        archive(directory('t'), file('t/hello.txt', content)),
      ]);
      return bootstrap(user, ['--name', 'one', `${registry.host}/acme/engine:1`]);
    };
    expect(await install('first\n')).toMatchObject({ status: 0 });
    const first = readlinkSync(`${user.store}/engines/one/active`);
    expect(await install('second\n')).toMatchObject({ status: 0 });
    const say = async (environment: Record<string, string>, ...asked: string[]) => {
      const { status, stdout } = await run(interpreter, [`${examples}/${name}`, ...asked], {
        environment: {
          PATH: process.env.PATH ?? '',
          ENGINESHED_HOME: user.store,
          HOME: user.home,
          ...environment,
        },
      });
      return status === 0 ? stdout : status;
    };
    expect(await say({}, 'engine/t/hello.txt')).toBe('second\n');
    expect(await say({ ENGINESHED_ENGINE: 'one' }, 'engine/t/hello.txt')).toBe('second\n');
    expect(await say({ HAMLET_ENGINE: `one@${first}` }, 'engine/t/hello.txt')).toBe('first\n');
    expect(await say({}, 'engine/t/nothing.txt')).not.toBe(0);
    expect(await say({ ENGINESHED_ENGINE: 'two' }, 'engine/t/hello.txt')).not.toBe(0);
  });
});
