// What may import what (docs/decisions/0002). A folder that is not named here may be imported by nobody else.
const may = {
  errors: [],
  oci: ['errors'],
  files: ['errors', 'oci'],
  tar: ['errors'],
  content: ['errors', 'oci', 'files', 'tar'],
  credentials: ['errors', 'oci', 'files', 'content'],
  mirrors: ['errors', 'oci'],
  registry: ['errors', 'oci', 'content', 'credentials', 'mirrors'],
  layer: ['errors', 'oci', 'files', 'tar', 'content'],
  requirements: ['errors', 'oci'],
  engine: ['errors', 'oci', 'content', 'requirements'],
  catalog: ['errors', 'oci', 'content', 'engine', 'mirrors', 'requirements', 'trust'],
  store: ['errors', 'oci', 'files', 'content', 'layer', 'engine', 'requirements', 'trust'],
  shim: ['errors', 'oci', 'files', 'engine', 'store'],
  publish: ['errors', 'oci', 'files', 'content', 'layer'],
  trust: ['errors', 'oci', 'files', 'content'],
  release: ['errors', 'oci', 'content', 'layer', 'engine', 'requirements', 'trust'],
  site: ['errors', 'oci', 'engine', 'release'],
  look: ['errors', 'oci', 'tar', 'content', 'layer'],
  testing: [],
};

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nobody-imports-cli', severity: 'error', from: { pathNot: '^src/cli/' }, to: { path: '^src/cli/' } },
    {
      name: 'nobody-imports-testing',
      comment: 'the scripted registry is for tests; the program never loads it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/testing/' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'testing-needs-node-only',
      comment: 'others load it in test runners of their own',
      severity: 'error',
      from: { path: '^src/testing/' },
      to: { dependencyTypesNot: ['core', 'local'] },
    },
    ...Object.entries(may).map(([folder, others]) => ({
      name: `${folder}-imports`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
    })),
    {
      name: 'fast-commands-load-little',
      comment: 'env, current, exec, which and list start without schemas, TOML, the registry client and the layer code',
      severity: 'error',
      from: { path: '^src/cli/(engines|run/(env|current|exec|which|list))\\.ts$' },
      to: { reachable: true, path: '^src/(credentials|registry|layer|catalog|content|publish)/|node_modules/(valibot|smol-toml|semver)/' },
    },
    {
      name: 'command-descriptions-load-nothing',
      comment: 'what a command does is loaded when it is run',
      severity: 'error',
      from: { path: '^src/cli/commands/' },
      to: { path: '^src/', pathNot: '^src/cli/commands/', dependencyTypesNot: ['dynamic-import'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: false,
    exoticRequireStrings: [],
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
