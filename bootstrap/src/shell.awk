# Writing statements for a POSIX shell.

# A word that the shell reads as exactly this text.
function sh_word(string,    out, at) {
  out = "\047"
  while ((at = index(string, "\047")) > 0) {
    out = out substr(string, 1, at - 1) "\047\\\047\047"
    string = substr(string, at + 1)
  }
  return out string "\047"
}

# A path below the working directory that no program takes for an option.
function sh_path(string) {
  return sh_word("./" string)
}

# Adds a word to the statement that is being written to a file; statements stay short enough for every system.
function sh_add(script, start, word, end) {
  if (sh_open[script] != start end || length(sh_line[script]) > 8000) sh_flush(script)
  if (sh_line[script] == "") { sh_line[script] = start; sh_tail[script] = end; sh_open[script] = start end }
  sh_line[script] = sh_line[script] " " word
}

# Writes the statement that has been begun.
function sh_flush(script) {
  if (sh_line[script] != "") print sh_line[script] sh_tail[script] > script
  sh_line[script] = ""
}
