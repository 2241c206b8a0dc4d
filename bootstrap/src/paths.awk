# Names inside archives: what is refused, and where symbolic links lead. As the CLI judges them (src/tar/paths.ts, src/layer/links.ts).

# The one form of a name: no ".", no doubled or trailing slashes, the root is empty. Dies where it is not acceptable.
function clean_path(name, what,    parts, count, i, out, depth) {
  if (name == "") die(what " is empty")
  if (name ~ /^\//) die(what " is absolute: " name)
  if (name ~ /[\001-\037\177]/) die(what " has a control character: " name)
  if (index(name, "\\") > 0) die(what " has a backslash: " name)
  if (length(name) > 4096) die(what " is longer than 4096 bytes")
  check_text(name, what)
  out = ""; depth = 0
  count = split(name, parts, "/")
  for (i = 1; i <= count; i++) {
    if (parts[i] == "" || parts[i] == ".") continue
    if (parts[i] == "..") die(what " has \"..\" in it: " name)
    if (length(parts[i]) > 255) die(what " has a part of more than 255 bytes")
    out = out (depth++ ? "/" : "") parts[i]
  }
  if (depth > 256) die(what " is more than 256 directories deep")
  if (name ~ /^[A-Za-z]:/ || out ~ /^[A-Za-z]:/) die(what " begins with a drive letter: " name)
  return out
}

# Dies where a text is not UTF-8 or has control characters beyond ASCII.
function check_text(name, what,    i, count) {
  if (name !~ /[\200-\377]/) return
  for (i = 1; i <= length(name); i += count) {
    count = 1
    if (code[substr(name, i, 1)] < 128) continue
    count = utf8_length(name, i)
    if (count == 0) die(what " is not UTF-8, which this script does not handle: " name)
    if (count == 2 && substr(name, i, 1) == "\302" && code[substr(name, i + 1, 1)] < 160) die(what " has a control character: " name)
  }
}

function check_target(target, name) {
  if (target == "") die("the link " name " leads nowhere")
  if (target ~ /[\001-\037\177]/) die("the target of the link " name " has a control character")
  if (index(target, "\\") > 0) die("the target of the link " name " has a backslash")
  if (length(target) >= 4096) die("the target of the link " name " has 4096 bytes or more")
  check_text(target, "the target of the link " name)
}

function parent_of(name) {
  return match(name, /\/[^\/]*$/) ? substr(name, 1, RSTART - 1) : ""
}

function base_of(name) {
  return match(name, /[^\/]*$/) ? substr(name, RSTART) : name
}

function join_path(parent, name) {
  return parent == "" ? name : parent "/" name
}

# Whether the text of a target leaves the root: absolute, or with more ".." than the link is deep.
function leaves_by_text(name, target,    parts, count, i, depth) {
  if (target ~ /^\// || target ~ /^[A-Za-z]:/) return 1
  depth = gsub(/\//, "/", name)
  count = split(target, parts, "/")
  for (i = 1; i <= count; i++) {
    if (parts[i] == "..") depth--
    else if (parts[i] != "" && parts[i] != ".") depth++
    if (depth < 0) return 1
  }
  return 0
}

# Whether a link leaves the root when links on its way are followed; link_target[NAME] has them all. Loops lead nowhere.
function escapes(name, target,    at, pending, count, part, next_, hops, parts, i, pieces) {
  at = parent_of(name)
  count = 0; hops = 0
  pieces = split(target, parts, "/")
  for (i = pieces; i >= 1; i--) pending[++count] = parts[i]
  while (count > 0) {
    part = pending[count--]
    if (part == "" || part == ".") continue
    if (part == "..") {
      if (at == "") return 1
      at = parent_of(at)
      continue
    }
    next_ = join_path(at, part)
    looked_up += length(next_)
    if (looked_up > 67108864) return 1
    if (!(next_ in link_target)) { at = next_; continue }
    if (link_target[next_] ~ /^\// || link_target[next_] ~ /^[A-Za-z]:/) return 1
    if (++hops > 40) return 0
    pieces = split(link_target[next_], parts, "/")
    for (i = pieces; i >= 1; i--) pending[++count] = parts[i]
  }
  return 0
}

# Dies where one of the links of link_target leads out of the tree.
function check_links(    name) {
  for (name in link_target)
    if (leaves_by_text(name, link_target[name]) || index(link_target[name], "..") > 0 && escapes(name, link_target[name]))
      die("the symbolic link " name " leads out of its own tree: " link_target[name])
}
