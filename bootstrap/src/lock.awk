# Reads a lock from standard input and prints, by $task:
#   plan    what is to be installed: "source NAME REFERENCE RESOLVED MANIFEST CONFIG" (the last two digests with their sizes),
#           "layer NAME DIGEST SIZE TYPE DIFFID EXTERNAL", "part TYPE SOURCE PATH", "json NAME SOURCE" with the source as JSON,
#           "command NAME PART PATH" for those that there are on $platform
#   id      what the id of the state is the digest of (src/engine/lock.ts)
#   engine  engine.json, env into the file $env, and what shims read into the file $commands; needs $store, $id, $installed, $platform,
#           and the directories of sources and parts and the files of commands in the file $directories, one "KIND NAME PATH" per line
#   text    the lock itself, in canonical form
#   file    the lock in an engineshed.lock, $file, in the same form; its engine and its id go into the file $head

BEGIN {
  TRUSTED = " ash awk base64 basename bash busybox bzip2 cat cc chgrp chmod chown chroot chsh cmp cp cron crontab" \
    " csh curl cut dash date dd df diff dirname dnf docker doas du echo ed egrep env eval expr false fgrep" \
    " file find fish ftp gcc git gpg grep gzip head helm hostname id kill kubectl ln login logname ls make" \
    " mkdir mkfifo mktemp mount mv nc node nohup npm npx openssl passwd patch pgrep pip pkill podman" \
    " powershell printenv printf ps pwd pwsh python python3 readlink realpath rm rmdir rsync scp sed seq" \
    " sftp sh sha256sum skopeo sleep sort ssh ssh-add ssh-agent ssh-keygen stat su sudo sync systemctl" \
    " tail tar tee telnet test time timeout touch tr true umount uname uniq unzip vi vim wc wget which who" \
    " whoami xargs xz yum zsh apt apt-get brew cargo gh aws az gcloud terraform perl ruby java "
  subject = ENVIRON["subject"]
  lock = json_load()
  task = ENVIRON["task"]
  if (task == "file") { print_file(); exit 0 }
  check_lock()
  if (task == "plan") plan()
  else if (task == "id") print_id()
  else if (task == "engine") print_engine()
  else print_lock()
}

# Prints the lock in an engineshed.lock (src/engine/project-lock.ts): of images for several platforms each source becomes the one
# that fits here, and keeps the others, which count in the id.
function print_file(    i, name, out) {
  if (kind[lock] != "o") die("it is no object")
  if (text[need(lock, "version", "n")] != "1") die("it has version " text[child[lock, "version"]] ", and this script knows version 1")
  for (i = 1; i <= size[lock]; i++)
    if (index(" version engine id sources parts environment commands ", " " key[lock, i] " ") == 0)
      die("it has \"" key[lock, i] "\", which this script does not know; install it with the engineshed command")
  check_name(text[need(lock, "engine", "s")], "engine")
  if (text[need(lock, "id", "s")] !~ /^[0-9a-f]+$/) die("its id is malformed")
  print text[child[lock, "engine"]] " " text[child[lock, "id"]] > ENVIRON["head"]
  sources = need(lock, "sources", "o")
  out = ""
  for (i = 1; i <= size[sources]; i++) out = out (i > 1 ? "," : "") quote(key[sources, i]) ":" chosen_source(key[sources, i], member[sources, i])
  printf "{\"catalog\":%s,%s\"description\":\"\",\"environment\":%s,\"kind\":\"custom\",\"name\":%s,\"parts\":%s,\"sources\":{%s}}", \
    quote(ENVIRON["file"]), (has(lock, "commands") ? "\"commands\":" canonical(need(lock, "commands", "a")) "," : ""), canonical(need(lock, "environment", "a")), quote(text[child[lock, "engine"]]), canonical(need(lock, "parts", "a")), out
}

function chosen_source(name, n,    i, images, image, words, rank, best, best_rank) {
  images = need(n, "images", "a")
  best = 0
  for (i = 1; i <= size[images]; i++) {
    image = member[images, i]
    split(has(image, "platform") ? text[child[image, "platform"]] : "", words, "/")
    rank = words[1] == "" ? 2000000 : rank_platform(words[1], words[2], words[3], 0)
    if (rank >= 0 && (!best || rank < best_rank)) { best = image; best_rank = rank }
  }
  if (!best) die("its source " name " has no image for " ENVIRON["platform_os"] "/" ENVIRON["platform_architecture"])
  return "{\"annotations\":" canonical(need(best, "annotations", "o")) ",\"config\":" canonical(need(best, "config", "o")) \
    (size[images] > 1 ? ",\"images\":" canonical(images) : "") ",\"kind\":" canonical(need(n, "kind", "s")) \
    ",\"layers\":" canonical(need(best, "layers", "a")) ",\"manifest\":" canonical(need(best, "manifest", "o")) \
    (has(best, "platform") ? ",\"platform\":" canonical(need(best, "platform", "s")) : "") \
    ",\"reference\":" canonical(need(n, "reference", "s")) ",\"resolved\":" canonical(need(n, "resolved", "s")) "}"
}

function print_lock(    i, count, names, out) {
  count = split("catalog commands description environment kind name parts platform requires sources", names, " ")
  out = ""
  for (i = 1; i <= count; i++) if (has(lock, names[i])) out = out (out == "" ? "" : ",") quote(names[i]) ":" canonical(child[lock, names[i]])
  printf "{%s}", out
}

function check_lock(    i, n, allowed) {
  for (i = 1; i <= size[lock]; i++)
    if (index(" catalog commands description environment kind name parts platform requires sources ", " " key[lock, i] " ") == 0)
      die("it has \"" key[lock, i] "\", which this script does not know; install it with the engineshed command")
  check_name(text[need(lock, "name", "s")], "engine")
  need(lock, "description", "s"); need(lock, "catalog", "s")
  if (text[need(lock, "kind", "s")] !~ /^(channel|dated|version|custom)$/) die("its kind is none")
  sources = need(lock, "sources", "o"); parts = need(lock, "parts", "a"); rules = need(lock, "environment", "a")
  for (i = 1; i <= size[sources]; i++) check_source(key[sources, i], member[sources, i])
  for (i = 1; i <= size[parts]; i++) check_part(member[parts, i])
  for (i = 1; i <= size[rules]; i++) check_rule(member[rules, i])
  commands = has(lock, "commands") ? need(lock, "commands", "a") : 0
  if (commands && size[commands] == 0) die("it has commands that are none")
  for (i = 1; commands && i <= size[commands]; i++) check_command(member[commands, i])
}

# A shim must not take the place of a program that people and other programs trust (src/engine/names.ts).
function check_command(n,    name, i, paths) {
  name = text[need(n, "name", "s")]
  check_name(name, "command"); check_name(text[need(n, "part", "s")], "part")
  if (size[n] != 3) die("its command " name " has more than name, part and path")
  if (index(TRUSTED " engineshed ", " " tolower(name) " ")) die("it has a command \"" name "\", which others rely on")
  if (tolower(name) in command_of) die("it has two commands " name)
  command_of[tolower(name)] = n
  paths = child[n, "path"]
  if (has(n, "path") && kind[paths] == "s") check_inner_path(text[paths])
  else for (i = 1; i <= size[need(n, "path", "o")]; i++) check_inner_path(text[member[paths, i]])
}

# The path of a command on this platform; empty where there is none.
function command_path(n,    paths) {
  paths = child[n, "path"]
  if (kind[paths] != "o") return text[paths]
  return has(paths, ENVIRON["platform"]) ? text[child[paths, ENVIRON["platform"]]] : ""
}

function check_name(name, what) {
  if (name !~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ || length(name) > 128) die("\"" name "\" is no name of a " what)
}

function check_source(name, n,    i, layers, layer) {
  check_name(name, "source")
  if (text[need(n, "kind", "s")] != "image") die("its source " name " is not in a registry")
  if (text[need(n, "reference", "s")] !~ /^[][A-Za-z0-9._:@\/-]+$/) die("its source " name " has a malformed reference")
  if (!is_digest(text[need(n, "resolved", "s")])) die("its source " name " has a malformed digest")
  check_descriptor(need(n, "manifest", "o")); check_descriptor(need(n, "config", "o"))
  layers = need(n, "layers", "a")
  for (i = 1; i <= size[layers]; i++) {
    layer = member[layers, i]
    check_descriptor(need(layer, "descriptor", "o"))
    if (!is_digest(text[need(layer, "diffId", "s")])) die("its source " name " has a malformed digest")
  }
  need(n, "annotations", "o")
}

function check_descriptor(n) {
  if (!is_digest(text[need(n, "digest", "s")]) || !is_size(need(n, "size", "n")) || text[need(n, "mediaType", "s")] !~ /^[A-Za-z0-9!#$&^_.+\/-]+$/) die("it has a malformed descriptor")
}

function check_part(n,    type) {
  type = text[need(n, "type", "s")]
  check_name(type, "part"); check_name(text[need(n, "source", "s")], "source")
  if (size[n] != 3) die("its part " type " has more than type, source and path")
  if (type in part_of) die("it has two parts of the type " type)
  if (!has(sources, text[child[n, "source"]])) die("its part " type " is in a source that it lacks")
  check_inner_path(text[need(n, "path", "s")])
  part_of[type] = n
}

function check_inner_path(inner) {
  if (inner != "." && (inner ~ /[\001-\037\177\\]/ || ("/" inner "/") ~ /\/(\.?\.?)\// || inner ~ /^[A-Za-z]:/)) die("\"" inner "\" is no relative path")
}

function check_rule(n,    type, i, list, paths) {
  name = text[need(n, "name", "s")]
  if (name !~ /^[A-Za-z_][A-Za-z0-9_]*$/) die("\"" name "\" is no name of a variable")
  if (name ~ /^(LD_.*|DYLD_.*|GCONV_PATH|PATH|HOME|IFS|ENV|CDPATH|SHELL|SHELLOPTS|BASHOPTS|BASH_ENV|BASH_FUNC_.*|PS4|PROMPT_COMMAND|ZDOTDIR|FPATH|NODE_.*|PYTHON.*|PERL5?.*|RUBY.*|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|CLASSPATH|GIT_.*|EDITOR|VISUAL|PAGER|SSL_CERT_.*|CURL_CA_BUNDLE|XDG_.*|DOCKER_.*|REGISTRY_AUTH_FILE|CONTAINERS_.*|ENGINESHED_.*)$/ || tolower(name) ~ /^(https?|all|no)_proxy$/)
    die("it sets " name ", which other programs obey")
  type = text[need(n, "kind", "s")]
  if (type == "value") need(n, "value", "s")
  else if (type == "part") {
    need(n, "part", "s")
    if (!has(n, "path")) return
    paths = child[n, "path"]
    if (kind[paths] == "s") check_inner_path(text[paths])
    else for (i = 1; i <= size[need(n, "path", "o")]; i++) check_inner_path(text[member[paths, i]])
  }
  else if (type == "parts") {
    list = need(n, "parts", "a")
    for (i = 1; i <= size[list]; i++) if (kind[member[list, i]] != "s") die("its variable " name " is malformed")
    if (text[need(n, "separator", "s")] == "") die("its variable " name " has an empty separator")
  }
  else if (type == "has-part") { need(n, "part", "s"); need(n, "yes", "s"); need(n, "no", "s") }
  else die("its variable " name " is made in an unknown way")
}

function plan(    i, j, n, layers, layer, descriptor, notes) {
  for (i = 1; i <= size[sources]; i++) {
    n = member[sources, i]
    print "source " key[sources, i] " " text[child[n, "reference"]] " " text[child[n, "resolved"]] " " digest_and_size(child[n, "manifest"]) " " digest_and_size(child[n, "config"])
    print "json " key[sources, i] " " without_images(n)
    layers = child[n, "layers"]
    for (j = 1; j <= size[layers]; j++) {
      layer = member[layers, j]
      descriptor = child[layer, "descriptor"]
      notes = has(descriptor, "annotations") ? child[descriptor, "annotations"] : 0
      inert = notes && has(notes, "io.github.engineshed.layer.external-links") && text[child[notes, "io.github.engineshed.layer.external-links"]] == "inert"
      print "layer " key[sources, i] " " digest_and_size(descriptor) " " text[child[descriptor, "mediaType"]] " " text[child[layer, "diffId"]] " " (inert ? "inert" : "reject") " " canonical(descriptor)
    }
  }
  for (i = 1; i <= size[parts]; i++) print "part " text[child[member[parts, i], "type"]] " " text[child[member[parts, i], "source"]] " " text[child[member[parts, i], "path"]]
  for (i = 1; commands && i <= size[commands]; i++) {
    n = member[commands, i]
    if (command_path(n) != "") print "command " text[child[n, "name"]] " " text[child[n, "part"]] " " command_path(n)
  }
}

# What a source says of its own image, as canonical JSON.
function without_images(n,    i, keys, count, out) {
  count = split("annotations config kind layers manifest platform reference resolved", keys, " ")
  out = ""
  for (i = 1; i <= count; i++) if (has(n, keys[i])) out = out (out == "" ? "" : ",") quote(keys[i]) ":" canonical(child[n, keys[i]])
  return "{" out "}"
}

function digest_and_size(n) {
  return text[child[n, "digest"]] " " text[child[n, "size"]]
}

function print_id(    i, n, out, list, count) {
  out = "{" (commands ? "\"commands\":" sorted(commands, "name") "," : "") "\"environment\":" sorted(rules, "name") ",\"name\":" quote(text[child[lock, "name"]]) ",\"parts\":" sorted(parts, "type")
  if (has(lock, "platform")) out = out ",\"platform\":" canonical(child[lock, "platform"])
  for (i = 1; i <= size[sources]; i++) {
    n = member[sources, i]
    if (has(n, "images") && size[need(n, "images", "a")] > 1) text_of[key[sources, i]] = "{\"images\":[" images_content(child[n, "images"]) "]}"
    else text_of[key[sources, i]] = image_content(n)
  }
  list = ""
  count = sort_keys(sources)
  for (i = 1; i <= count; i++) list = list (i > 1 ? "," : "") quote(order[i]) ":" text_of[order[i]]
  printf "%s,\"sources\":{%s}}", out, list
}

function image_content(n,    j, layers, list) {
  layers = need(n, "layers", "a")
  list = ""
  for (j = 1; j <= size[layers]; j++) list = list (j > 1 ? "," : "") quote(text[need(member[layers, j], "diffId", "s")])
  return "{\"diffIds\":[" list "],\"manifest\":" quote(text[need(need(n, "manifest", "o"), "digest", "s")]) "}"
}

# What counts of several images, sorted by their manifests.
function images_content(images,    i, out) {
  for (i = 1; i <= size[images]; i++) {
    order[i] = text[need(need(member[images, i], "manifest", "o"), "digest", "s")] ""
    item[order[i]] = member[images, i]
  }
  insertion_sort(size[images])
  out = ""
  for (i = 1; i <= size[images]; i++) out = out (i > 1 ? "," : "") image_content(item[order[i]])
  return out
}

# The keys of an object, sorted into order[].
function sort_keys(n,    i, j, swap) {
  for (i = 1; i <= size[n]; i++) order[i] = key[n, i] ""
  insertion_sort(size[n])
  return size[n]
}

function insertion_sort(count,    i, j, swap) {
  for (i = 2; i <= count; i++) {
    swap = order[i]
    for (j = i - 1; j >= 1 && order[j] > swap; j--) order[j + 1] = order[j]
    order[j + 1] = swap
  }
}

# A list of objects as canonical JSON, sorted by the text of a member.
function sorted(list, by,    i, out) {
  for (i = 1; i <= size[list]; i++) { order[i] = text[child[member[list, i], by]] ""; item[order[i]] = member[list, i] }
  insertion_sort(size[list])
  out = ""
  for (i = 1; i <= size[list]; i++) out = out (i > 1 ? "," : "") canonical(item[order[i]])
  return "[" out "]"
}

function print_engine(    i, n, line, words, out, list) {
  while ((getline line < ENVIRON["directories"]) > 0) {
    split(line, words, " ")
    directory[words[1], words[2]] = substr(line, length(words[1]) + length(words[2]) + 3)
  }
  printf "{\n  \"contract\": 1,\n  \"name\": %s,\n  \"id\": %s,\n  \"installed\": %s,\n", canonical(child[lock, "name"]), quote(ENVIRON["id"]), quote(ENVIRON["installed"])
  printf "  \"description\": %s,\n  \"kind\": %s,\n  \"catalog\": %s,\n  \"sources\": {", canonical(child[lock, "description"]), canonical(child[lock, "kind"]), canonical(child[lock, "catalog"])
  for (i = 1; i <= size[sources]; i++) {
    out = canonical(member[sources, i])
    printf "%s\n    %s: %s,\"directory\":%s}", (i > 1 ? "," : ""), quote(key[sources, i]), substr(out, 1, length(out) - 1), quote(directory["source", key[sources, i]])
  }
  printf "\n  },\n  \"parts\": ["
  for (i = 1; i <= size[parts]; i++) {
    n = member[parts, i]
    out = canonical(n)
    printf "%s\n    %s,\"directory\":%s}", (i > 1 ? "," : ""), substr(out, 1, length(out) - 1), quote(directory["part", text[child[n, "type"]]])
  }
  printf "\n  ],\n  \"environment\": { \"set\": {"
  list = ""
  printf "" > ENVIRON["env"]
  for (i = 1; i <= size[rules]; i++) {
    n = member[rules, i]
    name = text[child[n, "name"]]
    if (!value_of(n)) { list = list (list == "" ? "" : ", ") quote(name); continue }
    printf "%s%s: %s", (sets++ ? ", " : ""), quote(name), quote(value)
    print "export " name "=" sh_word(value) ";" > ENVIRON["env"]
  }
  for (i = 1; i <= size[rules]; i++) if (!value_of(member[rules, i])) print "unset -v " text[child[member[rules, i], "name"]] ";" > ENVIRON["env"]
  printf "}, \"unset\": [%s] }%s%s\n}\n", list, (commands ? ",\n  \"commands\": [" commands_found() "]" : ""), (has(lock, "requires") ? ",\n  \"requires\": " canonical(need(lock, "requires", "a")) : "")
}

# The commands that are there on this platform, as engine.json has them; what their shims read goes into the file $commands (src/store/commands.ts).
function commands_found(    i, n, name, out, marks, files, at, place) {
  count = sort_keys(sources)
  for (i = 1; i <= count; i++) {
    place = directory["source", order[i]]
    at = match(place, /[^\/]*$/)
    marks = marks "[ -e " sh_word(substr(place, 1, at - 1) ".damaged-" substr(place, at)) " ] && engineshed_damaged=" order[i] ";\n"
  }
  for (i = 1; i <= size[commands]; i++) {
    n = member[commands, i]
    name = text[child[n, "name"]]
    if (!(("command", name) in directory)) continue
    out = out (out == "" ? "" : ",") "\n    {\"name\":" quote(name) ",\"part\":" canonical(child[n, "part"]) ",\"path\":" quote(command_path(n)) ",\"file\":" quote(directory["command", name]) "}"
    files = files name ") engineshed_file=" sh_word(directory["command", name]) ";;\n"
  }
  printf "engineshed_name=%s;\nengineshed_id=%s;\nengineshed_damaged=;\n%scase $engineshed_command in\n%s*) engineshed_file=;;\nesac;\n", \
    text[child[lock, "name"]], ENVIRON["id"], marks, files > ENVIRON["commands"]
  return out
}

# Whether a rule sets its variable; to what is in "value".
function value_of(n,    type, i, list, one, paths) {
  type = text[child[n, "kind"]]
  if (type == "value") { value = text[child[n, "value"]]; return 1 }
  if (type == "has-part") { value = text[child[n, text[child[n, "part"]] in part_of ? "yes" : "no"]]; return 1 }
  if (type == "part") {
    if (!(text[child[n, "part"]] in part_of)) return 0
    value = directory["part", text[child[n, "part"]]]
    if (!has(n, "path")) return 1
    paths = child[n, "path"]
    if (kind[paths] == "o") {
      if (!has(paths, ENVIRON["platform"])) return 0
      paths = child[paths, ENVIRON["platform"]]
    }
    if (text[paths] != ".") value = value "/" text[paths]
    return 1
  }
  list = child[n, "parts"]
  value = ""
  for (i = 1; i <= size[list]; i++) {
    if (!(text[member[list, i]] in part_of)) continue
    one = directory["part", text[member[list, i]]]
    if (index(one, text[child[n, "separator"]]) > 0) die("it joins paths with \"" text[child[n, "separator"]] "\", and " one " has that in it")
    value = value (value == "" ? "" : text[child[n, "separator"]]) one
  }
  return value != ""
}
