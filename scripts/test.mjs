// The README's test command: sets up what is missing, then runs every test. `npm test -- PATTERN` runs some.

import { installPeers } from './peers.mjs';
import { run, say, setUp } from './setup.mjs';

setUp();
installPeers();
say('running the tests');
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]);
