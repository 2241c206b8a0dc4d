// Runs tests of the directory that it is started in, again and again, for scripts/mutate.mjs: one start of vitest for many runs.
// A message { changed, tests, only } asks for a run; the answer has the tests that were run, or what ended it.
import { createVitest } from 'vitest/node';

const root = process.cwd();
const vitest = await createVitest('test', { root, watch: false, maxWorkers: 1, bail: 1, reporters: [{}] });
await vitest.standalone();

process.on('message', async (asked) => {
  process.send(await run(asked).catch((error) => ({ modules: [], errors: [messageOf(error)] })));
});
process.on('disconnect', () => process.exit());
process.send('ready');

/** @param changed a source file that is another than at the last run */
async function run({ changed, tests, only }) {
  if (changed !== undefined) vitest.invalidateFile(`${root}/${changed}`);
  if (only === undefined) vitest.resetGlobalTestNamePattern();
  else vitest.setGlobalTestNamePattern(new RegExp(only));
  const result = { modules: [], errors: [] };
  // One after the other: after a failure the others say nothing more, and vitest still has what they said before.
  for (const test of tests) {
    const moduleId = `${root}/${test}`;
    const specification = vitest.projects[0].createSpecification(moduleId);
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification], false);
    const module = testModules.find((each) => each.moduleId === moduleId);
    if (module !== undefined) result.modules.push(described(module));
    result.errors.push(...unhandledErrors.map(messageOf));
    if (module?.state() === 'failed') break;
  }
  return result;
}

function described(module) {
  const tests = [...module.children.allTests()].map((test) => ({
    name: test.fullName.replaceAll(' > ', ' '),
    state: test.result().state,
  }));
  return {
    file: module.moduleId.slice(root.length + 1),
    state: module.state(),
    errors: [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())].map(
      messageOf,
    ),
    tests,
  };
}

function messageOf(error) {
  return String(error?.message ?? error).slice(0, 400);
}
