/** What the help of a command says beside what its flags and arguments say of themselves. */
export interface HelpText {
  /** How the command is written, without `engineshed NAME`, where its arguments do not tell. */
  readonly usage?: readonly string[];
  /** Commands as one would type them, each with what it does where the line does not say so. */
  readonly examples: readonly (readonly [command: string, about?: string])[];
}

/** By the words of the command. */
export const helpTexts: Readonly<Record<string, HelpText>> = {
  available: { examples: [['engineshed available'], ['engineshed available --all']] },
  install: {
    examples: [
      ['engineshed install train'],
      ['engineshed install 9.1.0 --use', 'and make it the active engine'],
      ['engineshed install', 'what the project pins'],
      ['engineshed install --locked', 'the same in a pipeline: exactly the lock'],
      ['engineshed install ghcr.io/acme/tool:1.4.0 --name tool'],
    ],
  },
  list: { examples: [['engineshed list'], ["engineshed list --json | jq -r '.engines[].name'"]] },
  show: { examples: [['engineshed show'], ['engineshed show train']] },
  use: { examples: [['engineshed use 9.1.0']] },
  uninstall: { examples: [['engineshed uninstall 9.1.0']] },
  lock: { examples: [['engineshed lock']] },
  update: {
    examples: [
      ['engineshed update --dry-run'],
      ['engineshed update', 'the project, or else the selected engine'],
      ['engineshed update engine-plugin-aws', 'one source of the project'],
    ],
  },
  outdated: { examples: [['engineshed outdated'], ['engineshed outdated train']] },
  diff: {
    examples: [
      ['engineshed diff train', 'with what its tag stands for now'],
      ['engineshed diff 9.1.0 9.2.0 --files'],
      ['engineshed diff . train', 'the lock of the project with an engine'],
    ],
  },
  current: { examples: [['engineshed current'], ['engineshed current --explain']] },
  env: {
    examples: [
      ['eval "$(engineshed env)"', 'bash, zsh, any POSIX shell'],
      ['engineshed env --shell fish | source'],
      ['engineshed env train --shell dotenv > .env'],
    ],
  },
  exec: {
    usage: ['ENGINE -- COMMAND [ARGUMENT...]', '+ENGINE COMMAND [ARGUMENT...]', '-- COMMAND [ARGUMENT...]'],
    examples: [
      ['engineshed exec -- bash deploy.sh', 'with the selected engine'],
      ['engineshed exec +train bash deploy.sh', 'with another one'],
    ],
  },
  try: {
    usage: ['SOURCE=WHAT... [FLAG...] -- COMMAND [ARGUMENT...]'],
    examples: [
      ['engineshed try engine-plugin-aws=@feature/x -- bash deploy.sh', 'a branch'],
      ['engineshed try engine=pr-12 executor-bash=./executor-bash -- bash deploy.sh'],
    ],
  },
  link: { examples: [['engineshed link engine-plugin-aws ../engine-plugin-aws']] },
  unlink: { examples: [['engineshed unlink engine-plugin-aws'], ['engineshed unlink', 'all']] },
  which: { examples: [['engineshed which core-engine'], ['engineshed which executor-bash/cli']] },
  history: { examples: [['engineshed history']] },
  rollback: { examples: [['engineshed rollback --dry-run'], ['engineshed rollback --to 2']] },
  gc: { examples: [['engineshed gc --dry-run'], ['engineshed gc --keep 1 --unused-for 30d']] },
  verify: { examples: [['engineshed verify'], ['engineshed verify train --repair']] },
  doctor: { examples: [['engineshed doctor']] },
  publish: {
    examples: [
      ['engineshed publish . ghcr.io/acme/tool:1.4.0 --tag latest'],
      ['engineshed publish . ghcr.io/acme/tool --git-tags', 'in the pipeline of the component'],
      ['engineshed publish . oci:images/tool:1.4.0', 'to a directory, without a registry'],
    ],
  },
  index: {
    usage: ['REF SOURCE... [FLAG...]'],
    examples: [['engineshed index ghcr.io/acme/tool:1 ghcr.io/acme/tool:1-linux ghcr.io/acme/tool:1-darwin']],
  },
  attach: {
    usage: ['REF FILE[:MEDIATYPE]... --type MEDIATYPE [FLAG...]'],
    examples: [['engineshed attach ghcr.io/acme/tool:1.4.0 --type application/spdx+json bill.json']],
  },
  prune: {
    examples: [
      ['git ls-remote --heads origin > branches.txt'],
      ['engineshed prune ghcr.io/acme/tool --keep-branches branches.txt --dry-run'],
    ],
  },
  'release build': { examples: [['engineshed release build --tag candidate']] },
  'release test': {
    examples: [
      ['engineshed release test candidate --junit report.xml'],
      ['engineshed release test candidate --key acme.key'],
    ],
  },
  'release promote': {
    examples: [
      ['engineshed release promote candidate nightly'],
      ['engineshed release promote nightly stable --version 1.4.0 --key acme.key'],
    ],
  },
  'release rollback': {
    examples: [['engineshed release rollback stable'], ['engineshed release rollback stable --to 1.3.0']],
  },
  'release renew': { examples: [['engineshed release renew stable --key acme.key']] },
  'release history': { examples: [['engineshed release history stable']] },
  'release notes': { examples: [['engineshed release notes 1.3.0 1.4.0']] },
  'release sbom': { examples: [['engineshed release sbom stable > stable.spdx.json']] },
  'release bisect': {
    usage: ['GOOD BAD [FLAG...] -- COMMAND [ARGUMENT...]'],
    examples: [['engineshed release bisect night-20260103 night-20260120 -- ./reproduce.sh']],
  },
  'release site': { examples: [['engineshed release site public']] },
  'trust generate-key-pair': {
    examples: [['engineshed trust generate-key-pair acme', 'acme.key, acme.pub']],
  },
  'trust public-key': { examples: [['engineshed trust public-key --key acme.key > acme.pub']] },
  'trust sign': { examples: [['engineshed trust sign ghcr.io/acme/tool:1.4.0 --key acme.key']] },
  'trust verify': {
    examples: [
      ['engineshed trust verify ghcr.io/acme/tool:1.4.0 --key acme.pub'],
      ['engineshed trust verify ghcr.io/acme/tool:1.4.0', 'as the policies ask'],
    ],
  },
  'trust show': { examples: [['engineshed trust show'], ['engineshed trust show train']] },
  'trust accept': { examples: [['engineshed trust accept train --dry-run']] },
  tags: {
    examples: [
      ['engineshed tags ghcr.io/acme/tool'],
      ["engineshed tags ghcr.io/acme/tool --sort version --filter '[0-9]*' --limit 5"],
    ],
  },
  inspect: { examples: [['engineshed inspect ghcr.io/acme/tool:1.4.0']] },
  ls: { examples: [['engineshed ls ghcr.io/acme/tool:1.4.0 bin --long']] },
  cat: { examples: [['engineshed cat ghcr.io/acme/tool:1.4.0 bin/run.sh']] },
  referrers: { examples: [['engineshed referrers ghcr.io/acme/tool:1.4.0 --type application/spdx+json']] },
  copy: {
    examples: [
      ['engineshed copy ghcr.io/acme/tool:1.4.0 registry.example.com/acme/tool --referrers'],
      ['engineshed copy ghcr.io/acme/tool:1.4.0 oci-archive:tool.tar'],
    ],
  },
  mirror: {
    examples: [
      ['engineshed mirror train registry.example.com/copies'],
      ['engineshed install train --registry registry.example.com/copies', 'from there'],
    ],
  },
  export: { examples: [['engineshed export train train.tar']] },
  import: { examples: [['engineshed import train.tar --use']] },
  'import-ini': { examples: [['engineshed import-ini'], ['engineshed import-ini --write']] },
  login: {
    examples: [
      ['engineshed login ghcr.io --username ada', 'asks for the password'],
      ['engineshed login ghcr.io --username ada --password-stdin < token.txt'],
      ['engineshed login', 'lists the logins'],
    ],
  },
  logout: { examples: [['engineshed logout ghcr.io']] },
  completion: {
    examples: [
      ['eval "$(engineshed completion bash)"', 'in ~/.bashrc'],
      ['source <(engineshed completion zsh)', 'in ~/.zshrc, after compinit'],
      ['engineshed completion fish | source', 'in ~/.config/fish/config.fish'],
    ],
  },
};
