import type { PackageManager } from './types.js';

/** How a program tells its version, and what the packages with it are called. */
export interface KnownTool {
  readonly arguments: readonly string[];
  /** Its first group is the version; the first number with a dot, or the first number, unless told. */
  readonly pattern?: RegExp;
  readonly packages: Readonly<Partial<Record<PackageManager, string>>>;
}

/** The programs of which it is known how they tell their version. */
export const knownTools: ReadonlyMap<string, KnownTool> = new Map<string, KnownTool>([
  ['bash', tool(everywhere('bash', { winget: 'Git.Git' }))],
  ['curl', tool(everywhere('curl', { winget: 'cURL.cURL' }))],
  ['git', tool(everywhere('git', { winget: 'Git.Git' }))],
  ['gzip', tool(everywhere('gzip', {}))],
  [
    'java',
    {
      arguments: ['-version'],
      // Java 8 calls itself 1.8.
      pattern: /version "(?:1\.(?=\d))?(\d[\d.]*)/,
      packages: {
        apt: 'default-jre-headless',
        apk: 'openjdk17-jre-headless',
        dnf: 'java-17-openjdk-headless',
        zypper: 'java-17-openjdk-headless',
        pacman: 'jre-openjdk-headless',
        brew: 'openjdk',
        winget: 'EclipseAdoptium.Temurin.17.JRE',
      },
    },
  ],
  ['jq', tool(everywhere('jq', { winget: 'jqlang.jq' }))],
  ['make', tool(everywhere('make', {}))],
  [
    'node',
    tool({
      ...everywhere('nodejs', {}),
      brew: 'node',
      winget: 'OpenJS.NodeJS.LTS',
    }),
  ],
  ['openssl', { arguments: ['version'], packages: everywhere('openssl', {}) }],
  ['perl', { arguments: ['--version'], pattern: /\(v(\d[\d.]*)\)/, packages: everywhere('perl', {}) }],
  [
    'python3',
    tool({ ...everywhere('python3', { winget: 'Python.Python.3.12' }), pacman: 'python', brew: 'python' }),
  ],
  ['rsync', tool(everywhere('rsync', {}))],
  ['sed', tool({ ...everywhere('sed', {}), brew: 'gnu-sed' })],
  ['tar', tool({ ...everywhere('tar', {}), brew: 'gnu-tar' })],
  ['unzip', { arguments: ['-v'], packages: everywhere('unzip', {}) }],
  ['wget', tool(everywhere('wget', {}))],
  ['zip', { arguments: ['-v'], pattern: /This is Zip (\d[\d.]*)/, packages: everywhere('zip', {}) }],
  // None of these is in every distribution.
  [
    'aws',
    tool({
      apt: 'awscli',
      apk: 'aws-cli',
      dnf: 'awscli2',
      pacman: 'aws-cli',
      brew: 'awscli',
      winget: 'Amazon.AWSCLI',
    }),
  ],
  [
    'az',
    {
      arguments: ['version', '--output', 'tsv'],
      packages: { apk: 'azure-cli', pacman: 'azure-cli', brew: 'azure-cli', winget: 'Microsoft.AzureCLI' },
    },
  ],
  [
    'docker',
    tool({
      apt: 'docker.io',
      apk: 'docker',
      zypper: 'docker',
      pacman: 'docker',
      brew: 'docker',
      winget: 'Docker.DockerDesktop',
    }),
  ],
  ['dot', { arguments: ['-V'], packages: everywhere('graphviz', { winget: 'Graphviz.Graphviz' }) }],
]);

function tool(packages: KnownTool['packages']): KnownTool {
  return { arguments: ['--version'], packages };
}

function everywhere(name: string, others: { readonly winget?: string }): KnownTool['packages'] {
  return { apt: name, apk: name, dnf: name, zypper: name, pacman: name, brew: name, ...others };
}
