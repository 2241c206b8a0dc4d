// Kills and errors at every call, kills at random times, many processes at once: `npm run faults -- --help`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { setUp } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
// Beside the dependencies, where they are found. Checkouts may share those.
const outfile = `${root}/node_modules/.cache/engineshed-faults-${process.pid}.mjs`;

setUp();
process.chdir(root);
mkdirSync(`${root}/node_modules/.cache`, { recursive: true });
await build({
  entryPoints: [`${root}/test/faults/main.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  plugins: [ownAddresses()],
});
try {
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(outfile);
}

/** In the bundle each module still has its own address. */
function ownAddresses() {
  return {
    name: 'own-addresses',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\/(test|src)\/.*\.ts$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replaceAll(
          'import.meta.url',
          JSON.stringify(pathToFileURL(path).href),
        ),
        loader: 'ts',
      })),
  };
}
