# Puts the tree of $count layers together (image specification, "Applying Changesets"). Of each, from the lowest, $root_N is the
# directory with its files, $record_N its layer.json and $inventory_N the list of its files. Writes $out/link.sh, for a shell in
# the new tree.

BEGIN {
  subject = ENVIRON["subject"]; out = ENVIRON["out"] "/link.sh"; external = ENVIRON["external"]
  for (layer = 1; layer <= ENVIRON["count"] + 0; layer++) apply(layer)
  for (name in kind_of) if (kind_of[name] == "s") link_target[name] = target_of[name]
  if (external != "inert") check_links()
  print ":" > out
  write_tree()
}

function apply(layer,    i, n, hidden, line, entries_, count_, name, kind_) {
  root_of[layer] = ENVIRON["root_" layer]
  json_count = 0
  n = json_parse(whole_file(ENVIRON["record_" layer]))
  hidden = need(n, "whiteouts", "a")
  for (i = 1; i <= size[hidden]; i++) remove(text[member[hidden, i]], 1)
  hidden = need(n, "opaques", "a")
  for (i = 1; i <= size[hidden]; i++) remove(text[member[hidden, i]], 0)
  count_ = 0
  while ((getline line < ENVIRON["inventory_" layer]) > 0) entries_[++count_] = line
  close(ENVIRON["inventory_" layer])
  for (i = 1; i <= count_; i++) if (entries_[i] ~ /^\["d"/) read_entry(entries_[i], layer)
  for (i = 1; i <= count_; i++) if (entries_[i] !~ /^\["d"/) read_entry(entries_[i], layer)
}

function read_entry(line, layer,    n, name, kind_) {
  json_count = 0
  clear_json()
  n = json_parse(line)
  kind_ = text[member[n, 1]]
  name = clean_path(text[member[n, 2]], "a name in the inventory of a layer")
  if (kind_ == "d") {
    if ((name in kind_of) && kind_of[name] != "d") remove(name, 1)
    kind_of[name] = "d"
    mode_of[name] = text[member[n, 3]] + 0
    return
  }
  if ((name in kind_of) && kind_of[name] == "d") remove(name, 1)
  kind_of[name] = kind_ == "s" ? "s" : "f"
  layer_of[name] = layer
  if (kind_ == "s") target_of[name] = text[member[n, 3]]
}

function clear_json() {
  split("", kind); split("", text); split("", size); split("", member); split("", key); split("", child)
}

# Takes away what lower layers have below a name, and what they have there itself where that is asked for.
function remove(name, itself,    other, prefix) {
  prefix = name == "" ? "" : name "/"
  for (other in kind_of) if (other != name && substr(other, 1, length(prefix)) == prefix) gone[other] = 1
  if (itself && (name in kind_of)) gone[name] = 1
  for (other in gone) delete kind_of[other]
  split("", gone)
}

function write_tree(    name, sorter, count_, i, names, directory, layer) {
  sorter = "sort > " sh_word(ENVIRON["out"] "/names")
  for (name in kind_of) print name | sorter
  close(sorter)
  count_ = 0
  while ((getline name < (ENVIRON["out"] "/names")) > 0) names[++count_] = name
  for (i = 1; i <= count_; i++) if (kind_of[names[i]] == "d") sh_add(out, "mkdir", sh_path(names[i]), " || exit")
  sh_flush(out)
  for (i = 1; i <= count_; i++) {
    name = names[i]
    if (kind_of[name] == "s") print "ln -s " sh_word(target_of[name]) " " sh_path(name) " || exit" > out
    if (kind_of[name] != "f") continue
    directory = parent_of(name)
    sh_add(out, "link_files " sh_path(directory), sh_word(root_of[layer_of[name]] "/" name), " || exit")
  }
  sh_flush(out)
  for (i = 1; i <= count_; i++) if (kind_of[names[i]] == "d") sh_add(out, sprintf("chmod 00%o", mode_of[names[i]]), sh_path(names[i]), " || exit")
  sh_flush(out)
}
