// Writes bootstrap/engineshed.sh from its pieces in bootstrap/src and the built-in catalog. `--check` only compares.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadCatalogs } from '../dist/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = `${root}/bootstrap/engineshed.sh`;
const piece = (name) => readFileSync(`${root}/bootstrap/src/${name}`, 'utf8');

/** Awk programs, by the variable that holds each. */
const programs = {
  AWK_JSON: 'json.awk',
  AWK_SHELL: 'shell.awk',
  AWK_PATHS: 'paths.awk',
  AWK_TAR: 'tar.awk',
  AWK_LAYER: 'layer.awk',
  AWK_COMPOSE: 'compose.awk',
  AWK_INVENTORY: 'inventory.awk',
  AWK_RECORD: 'record.awk',
  AWK_PLATFORM: 'platform.awk',
  AWK_MANIFEST: 'manifest.awk',
  AWK_SOURCE: 'source.awk',
  AWK_LOCK: 'lock.awk',
  AWK_DEFINITION: 'definition.awk',
  AWK_CHALLENGE: 'challenge.awk',
  AWK_TEXT: 'text.awk',
  AWK_SHIM: 'shim.awk',
};
const parts = ['base.sh', 'claims.sh', 'http.sh', 'image.sh', 'layer.sh', 'state.sh', 'main.sh'];

const catalogs = await loadCatalogs([]);
const text = [
  piece('head.sh'),
  `# --- The engines that are known by name: catalog/hamlet.toml ---\n\n${variable('CATALOG', describeCatalog())}`,
  ...Object.entries(programs).map(
    ([name, source]) => `# --- ${source} ---\n\n${variable(name, piece(source))}`,
  ),
  `# --- The shim of commands: src/store/shim.sh ---\n\n${shim()}`,
  ...parts.map(piece),
  piece('tail.sh'),
].join('\n');

if (process.argv[2] === '--check') {
  if (text !== readFileSync(file, 'utf8')) {
    console.error('bootstrap/engineshed.sh is not current. Run: node scripts/bootstrap.mjs');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** A shell variable with a text as it is; the text has no single quote, which nothing can stand for between two. */
function variable(name, value) {
  if (value.includes("'")) throw new Error(`${name} has a single quote`);
  return `${name}='\n${value.trimEnd()}\n'\n`;
}

/** A function that prints the shim as its source has it. */
function shim() {
  const source = readFileSync(`${root}/src/store/shim.sh`, 'utf8');
  if (/^SHIM$/m.test(source) || !source.endsWith('\n')) throw new Error('shim.sh cannot be quoted');
  return `print_shim() {\n  cat <<'SHIM'\n${source}SHIM\n}\n`;
}

/** The catalog in lines that awk reads by fields. */
function describeCatalog() {
  return [...catalogs.entries.values()].flatMap(describeEngine).join('\n');
}

function describeEngine({ name, kind, description, sources, parts, environment, commands, requires }) {
  if (commands.length > 0) throw new Error(`${name} has commands, which the script does not make`);
  return [
    `engine ${name} ${kind}`,
    `description ${description}`,
    ...Object.entries(sources).map(([source, template]) => `source ${source} ${imageOf(name, template)}`),
    ...parts.map(
      ({ type, source, path, versions }) =>
        `part ${type} ${source} ${path}${versions === undefined ? '' : ` ${rangeOf(versions)}`}`,
    ),
    `environment ${JSON.stringify(environment)}`,
    ...requires.map((requirement) => `requires ${requirement.part ?? '-'} ${JSON.stringify(requirement)}`),
  ];
}

function imageOf(name, { kind, registry, repository, tag, digest }) {
  if (kind !== 'image' || tag === undefined || digest !== undefined)
    throw new Error(`${name} has a source that the script does not read`);
  return `${registry}/${repository}:${tag}`;
}

function rangeOf(versions) {
  if (/^(>=|<)\d+\.\d+\.\d+$/.test(versions)) return versions;
  throw new Error(`the script does not read the range ${versions}`);
}
