# Fills in the shim of commands (src/store/shim.sh): the store, and characters that its source names. $store is the real path of it.
{
  line = $0
  out = ""
  while (match(line, /@(STORE|TAB|CR|BOM)@/)) {
    word = substr(line, RSTART + 1, RLENGTH - 2)
    filled = word == "STORE" ? sh_word(ENVIRON["store"]) : word == "TAB" ? "\t" : word == "CR" ? "\r" : "\357\273\277"
    out = out substr(line, 1, RSTART - 1) filled
    line = substr(line, RSTART + RLENGTH)
  }
  print out line
}
