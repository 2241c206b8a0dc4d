# Checks the entries of one layer (what tar.awk prints) and writes into the directory $out how to make its tree:
# by-hand.sh, modes.sh and hash.sh for a shell in the tree; dirs, files and links, what must stand there then; entries, for the
# inventory; hidden: whiteouts and opaques; summary: entries, bytes, bytes with hard links, "hand" or "tar".

BEGIN {
  FS = "\t"; subject = ENVIRON["subject"]; out = ENVIRON["out"]; external = ENVIRON["external"]
  json_tables()
  kind_of[""] = "d"; count = 0; bytes = 0; standing = 0; entries = 0; whiteouts = ""; opaques = ""; method = "tar"
  by_hand = out "/by-hand.sh"; modes = out "/modes.sh"; hash = out "/hash.sh"
  print "umask 022" > by_hand
  print ":" > modes
  print ":" > hash
  printf "" > (out "/dirs"); printf "" > (out "/files"); printf "" > (out "/links")
  printf "" > (out "/entries")
}

{
  entries++
  name = clean_path($6, "the name of an entry")
  base = base_of(name)
  if ($5 + 0 || name ~ /(^|\/)\._/) method = "hand"
  if (("/" parent_of(name)) ~ /\/\.wh\./) die("an entry lies in a whiteout: " name)
  if (base ~ /^\.wh\./) { whiteout(name, base); next }
  if ($1 == "d") { directory(name, $2 + 0); next }
  if (name == "") die("an entry stands in the place of the root")
  make_parents(parent_of(name))
  if (name in kind_of) die("two entries have the same name: " name)
  if ($1 == "h") check_before(name, clean_path($7, "the target of a hard link"))
  kind_of[name] = $1
  if ($1 == "f") file(name, $2 + 0, $3, $4)
  else if ($1 == "s") symlink(name, $7)
  else hardlink(name, clean_path($7, "the target of a hard link"))
}

END {
  if (failed) exit 65
  if (external != "inert") check_links()
  for (i = 1; i <= directories; i++) {
    name = directory_at[i]
    mode = readable(mode_of[name], 320)
    sh_add(modes, "chmod 00" mode, sh_path(name), " || exit")
    print "d\t" octal_value(mode) "\t0\t" name "\t" > (out "/entries")
    print "./" name > (out "/dirs")
  }
  sh_flush(modes); sh_flush(hash); sh_flush(by_hand)
  printf "%d %.0f %.0f %s\n", entries, bytes, standing, method > (out "/summary")
  print "[" whiteouts "]\n[" opaques "]" > (out "/hidden")
}

function whiteout(name, base,    hidden) {
  if ($1 != "f" || $3 + 0 != 0) die("a whiteout is not an empty file: " name)
  if (name in seen_whiteout) die("two entries have the same name: " name)
  seen_whiteout[name] = 1
  method = "hand"
  if (base == ".wh..wh..opq") { opaques = opaques (opaques == "" ? "" : ",") quote(parent_of(name)); return }
  hidden = substr(base, 5)
  if (hidden == "" || hidden == "." || hidden == ".." || hidden ~ /^\.wh\./) die("the name of a whiteout is malformed: " name)
  whiteouts = whiteouts (whiteouts == "" ? "" : ",") quote(join_path(parent_of(name), hidden))
}

function directory(name, mode) {
  if (name == "") { if (root_stated++) die("two entries stand for the root"); return }
  if (int(mode / 64) != 7) method = "hand"
  if (name in kind_of) {
    if (kind_of[name] != "d" || (name in stated)) die("two entries have the same name: " name)
  } else {
    make_parents(parent_of(name))
    make_directory(name)
  }
  stated[name] = 1
  mode_of[name] = mode
}

function make_parents(name) {
  if (name in kind_of) {
    if (kind_of[name] != "d") die("an entry lies below " name ", which is no directory")
    return
  }
  make_parents(parent_of(name))
  make_directory(name)
}

function make_directory(name) {
  kind_of[name] = "d"
  mode_of[name] = 493
  directory_at[++directories] = name
  sh_flush(by_hand)
  sh_add(by_hand, "mkdir", sh_path(name), " || exit")
  sh_flush(by_hand)
}

function file(name, mode, size_, block,    readable_mode) {
  bytes += size_
  standing += size_
  size_of[name] = size_
  readable_mode = readable(mode, 256)
  sh_flush(by_hand)
  if (size_ + 0 == 0) print ": > " sh_path(name) " || exit" > by_hand
  else print "cut_out " block " " size_ " " sh_path(name) " || exit" > by_hand
  sh_add(modes, "chmod 00" readable_mode, sh_path(name), " || exit")
  sh_add(hash, "hash_files", sh_path(name), " || exit")
  print "f\t" octal_value(readable_mode) "\t" size_ "\t" name "\t" > (out "/entries")
  print "./" name > (out "/files")
}

function symlink(name, target) {
  check_target(target, name)
  link_target[name] = target
  print "ln -s " sh_word(target) " " sh_path(name) " || exit" > by_hand
  print "s\t0\t0\t" name "\t" target > (out "/entries")
  print "./" name > (out "/links")
}

function check_before(name, target) {
  if (!(target in kind_of) || kind_of[target] != "f" && kind_of[target] != "h") die("the hard link " name " does not lead to a file before it: " target)
}

function hardlink(name, target) {
  standing += size_of[target]
  size_of[name] = size_of[target]
  print "ln " sh_path(target) " " sh_path(name) " || exit" > by_hand
  print "h\t0\t0\t" name "\t" target > (out "/entries")
  print "./" name > (out "/files")
}

# A mode without write permission and special bits, which its owner can read; in octal.
function readable(mode, least,    owner, group, others) {
  owner = clear_write(int(mode / 64) % 8)
  group = clear_write(int(mode / 8) % 8)
  others = clear_write(mode % 8)
  if (owner < 4) owner += 4
  if (least == 320 && owner == 4) owner = 5
  return owner "" group "" others
}

function clear_write(bits) {
  return bits % 4 >= 2 ? bits - 2 : bits
}

function octal_value(digits) {
  return substr(digits, 1, 1) * 64 + substr(digits, 2, 1) * 8 + substr(digits, 3, 1)
}
