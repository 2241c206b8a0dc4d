/** The shells that there is a script for. */
export const completionShells = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** One of {@link completionShells}. */
export type CompletionShell = (typeof completionShells)[number];

/** What the program is called with to propose words; see `propose`. */
export const proposeCommand = '__complete';

/** The script that makes a shell complete `engineshed`. All that it knows it asks the program for when a key is pressed. */
export const completionScripts: Readonly<Record<CompletionShell, string>> = {
  // bash breaks words at ":" and "="; they are put together again, and only what comes after the last of these is replied.
  bash: `# engineshed completion for bash; load it with: eval "$(engineshed completion bash)"
_engineshed() {
  local rest=\${COMP_LINE:0:COMP_POINT} ws=$' \\t' blank word value i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=\${rest%%[!$ws]*}
    rest=\${rest#"$blank"}
    word=\${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then word=$rest; fi
    rest=\${rest#"$word"}
    if [[ -n $blank || i -eq 0 ]]; then words+=("$word"); else words[\${#words[@]}-1]+=$word; fi
  done
  local current=\${words[\${#words[@]}-1]}
  local prefix=\${current%"\${current##*[:=]}"}
  [[ $COMP_WORDBREAKS == *:* ]] || prefix=\${current%"\${current##*=}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("\${value#"$prefix"}")
  done < <(command engineshed ${proposeCommand} -- "\${words[@]:1}" 2>/dev/null)
  if ((\${#COMPREPLY[@]} == 1)) && [[ \${COMPREPLY[0]} == *[:=/] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -o bashdefault -F _engineshed engineshed
`,
  zsh: `#compdef engineshed
# engineshed completion for zsh; load it with: source <(engineshed completion zsh)
_engineshed() {
  local -a lines values shown open closed
  local line
  lines=("\${(@f)$(command engineshed ${proposeCommand} -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] || continue
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line%%$'\\t'*}\${\${line#*$'\\t'}:+  -- \${line#*$'\\t'}}")
  done
  if (( ! $#values )); then
    _files
    return
  fi
  if [[ $#values -eq 1 && $values[1] == *[:=/] ]]; then
    compadd -S '' -- $values
  else
    compadd -l -d shown -- $values
  fi
}
if [[ $funcstack[1] == _engineshed ]]; then
  _engineshed "$@"
else
  compdef _engineshed engineshed
fi
`,
  fish: `# engineshed completion for fish; load it with: engineshed completion fish | source
function __engineshed_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (command engineshed ${proposeCommand} -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c engineshed -f -a '(__engineshed_complete)'
`,
  // An empty argument reaches a program as nothing before PowerShell 7.3, and quotes reach it as quotes since then: two quotes stand for it.
  powershell: `# engineshed completion for PowerShell; load it with: engineshed completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName engineshed -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | Select-Object -Skip 1 | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.ToString() }
    })
    if ($wordToComplete -eq '') { $words += '""' }
    & (Get-Command engineshed -CommandType @('Application', 'ExternalScript') | Select-Object -First 1) ${proposeCommand} '--' @words 2>$null | ForEach-Object {
        $value, $about = $_ -split "\`t", 2
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
    }
}
`,
};
