# A plugin defines transform, which gets the text and prints what becomes of it.
transform() {
  printf '%s' "${1%.}!"
}
