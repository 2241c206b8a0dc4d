import { buildCommand } from '@stricli/core';

/** `engineshed completion` */
export const completion = buildCommand({
  docs: {
    brief: 'Print what makes a shell complete engineshed',
    fullDescription:
      'Prints a script for bash, zsh, fish or PowerShell. In ~/.bashrc: eval "$(engineshed completion bash)"; in ~/.zshrc after compinit: ' +
      'source <(engineshed completion zsh); in ~/.config/fish/config.fish: engineshed completion fish | source; in $PROFILE: ' +
      'engineshed completion powershell | Out-String | Invoke-Expression. Commands, flags, engines, sources, parts, images and tags are ' +
      'completed; a registry has a second to tell its tags, and they are remembered for five minutes.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'bash, zsh, fish or powershell', parse: String, placeholder: 'SHELL' }],
    },
  },
  loader: async () => (await import('../run/completion.js')).completion,
});
