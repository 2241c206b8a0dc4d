#!/bin/sh
# Installs engines of Engineshed without Node: needs a POSIX shell, curl or wget, tar, gzip, awk and a sha256 tool.
# It verifies digests, and no signatures: policies ([trust] in engineshed.toml) count for nothing here.
# What it does and does not do: https://github.com/hamlet-io/engineshed docs/guide.md, "Executors without Node".
# Written by scripts/bootstrap.mjs from bootstrap/src; change those.
# shellcheck shell=sh disable=SC1091,SC2015,SC2016

{ # The shell reads all of this before it runs any: a transfer that is cut off does nothing.

[ -z "${ZSH_VERSION-}" ] || emulate sh

# --- The engines that are known by name: catalog/hamlet.toml ---

CATALOG='
engine unicycle channel
description The latest build of every component of the hamlet engine
source engine ghcr.io/hamlet-io/engine:edge
source executor-bash ghcr.io/hamlet-io/executor-bash:edge
source engine-plugin-aws ghcr.io/hamlet-io/engine-plugin-aws:edge
source engine-plugin-azure ghcr.io/hamlet-io/engine-plugin-azure:edge
source engine-core ghcr.io/hamlet-io/engine-core:edge
part core-engine engine .
part executor-bash executor-bash .
part engine-plugin-aws engine-plugin-aws .
part engine-plugin-azure engine-plugin-azure .
part bundled-engine-wrapper engine-core image
environment [{"name":"GENERATION_ENGINE_DIR","kind":"part","part":"core-engine"},{"name":"GENERATION_PLUGIN_DIRS","kind":"parts","parts":["engine-plugin-aws","engine-plugin-azure"],"separator":";"},{"name":"GENERATION_WRAPPER_LOCAL_JAVA","kind":"has-part","part":"bundled-engine-wrapper","yes":"false","no":"true"},{"name":"GENERATION_WRAPPER_JAR_FILE","kind":"part","part":"engine-wrapper","path":"freemarker-wrapper.jar"},{"name":"GENERATION_BASE_DIR","kind":"part","part":"executor-bash"},{"name":"GENERATION_DIR","kind":"part","part":"executor-bash","path":"cli"},{"name":"AUTOMATION_BASE_DIR","kind":"part","part":"executor-bash","path":"automation"},{"name":"AUTOMATION_DIR","kind":"part","part":"executor-bash","path":"automation/jenkins/aws"},{"name":"GENERATION_WRAPPER_SCRIPT_FILE","kind":"part","part":"bundled-engine-wrapper","path":{"linux":"freemarker-wrapper-Linux/bin/freemarker-wrapper","darwin":"freemarker-wrapper-Darwin/bin/freemarker-wrapper","win32":"freemarker-wrapper-Windows/bin/freemarker-wrapper.bat"}}]
requires - {"name":"bash","version":">=4"}
requires - {"name":"jq","version":">=1.6"}
requires engine-wrapper {"name":"java","version":">=8","part":"engine-wrapper"}
engine tram channel
description The latest nightly build of the hamlet engine
source hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:nightly
part core-engine hamlet-engine-base engine
part executor-bash hamlet-engine-base executor-bash
part engine-plugin-aws hamlet-engine-base engine-plugin-aws
part engine-plugin-azure hamlet-engine-base engine-plugin-azure
part bundled-engine-wrapper hamlet-engine-base engine-core/image >=8.5.0
part engine-wrapper hamlet-engine-base engine-core <8.5.0
environment [{"name":"GENERATION_ENGINE_DIR","kind":"part","part":"core-engine"},{"name":"GENERATION_PLUGIN_DIRS","kind":"parts","parts":["engine-plugin-aws","engine-plugin-azure"],"separator":";"},{"name":"GENERATION_WRAPPER_LOCAL_JAVA","kind":"has-part","part":"bundled-engine-wrapper","yes":"false","no":"true"},{"name":"GENERATION_WRAPPER_JAR_FILE","kind":"part","part":"engine-wrapper","path":"freemarker-wrapper.jar"},{"name":"GENERATION_BASE_DIR","kind":"part","part":"executor-bash"},{"name":"GENERATION_DIR","kind":"part","part":"executor-bash","path":"cli"},{"name":"AUTOMATION_BASE_DIR","kind":"part","part":"executor-bash","path":"automation"},{"name":"AUTOMATION_DIR","kind":"part","part":"executor-bash","path":"automation/jenkins/aws"},{"name":"GENERATION_WRAPPER_SCRIPT_FILE","kind":"part","part":"bundled-engine-wrapper","path":{"linux":"freemarker-wrapper-Linux/bin/freemarker-wrapper","darwin":"freemarker-wrapper-Darwin/bin/freemarker-wrapper","win32":"freemarker-wrapper-Windows/bin/freemarker-wrapper.bat"}}]
requires - {"name":"bash","version":">=4"}
requires - {"name":"jq","version":">=1.6"}
requires engine-wrapper {"name":"java","version":">=8","part":"engine-wrapper"}
engine tram-{date} dated
description The nightly build of the hamlet engine of one day
source hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:schedule-{date}
part core-engine hamlet-engine-base engine
part executor-bash hamlet-engine-base executor-bash
part engine-plugin-aws hamlet-engine-base engine-plugin-aws
part engine-plugin-azure hamlet-engine-base engine-plugin-azure
part bundled-engine-wrapper hamlet-engine-base engine-core/image >=8.5.0
part engine-wrapper hamlet-engine-base engine-core <8.5.0
environment [{"name":"GENERATION_ENGINE_DIR","kind":"part","part":"core-engine"},{"name":"GENERATION_PLUGIN_DIRS","kind":"parts","parts":["engine-plugin-aws","engine-plugin-azure"],"separator":";"},{"name":"GENERATION_WRAPPER_LOCAL_JAVA","kind":"has-part","part":"bundled-engine-wrapper","yes":"false","no":"true"},{"name":"GENERATION_WRAPPER_JAR_FILE","kind":"part","part":"engine-wrapper","path":"freemarker-wrapper.jar"},{"name":"GENERATION_BASE_DIR","kind":"part","part":"executor-bash"},{"name":"GENERATION_DIR","kind":"part","part":"executor-bash","path":"cli"},{"name":"AUTOMATION_BASE_DIR","kind":"part","part":"executor-bash","path":"automation"},{"name":"AUTOMATION_DIR","kind":"part","part":"executor-bash","path":"automation/jenkins/aws"},{"name":"GENERATION_WRAPPER_SCRIPT_FILE","kind":"part","part":"bundled-engine-wrapper","path":{"linux":"freemarker-wrapper-Linux/bin/freemarker-wrapper","darwin":"freemarker-wrapper-Darwin/bin/freemarker-wrapper","win32":"freemarker-wrapper-Windows/bin/freemarker-wrapper.bat"}}]
requires - {"name":"bash","version":">=4"}
requires - {"name":"jq","version":">=1.6"}
requires engine-wrapper {"name":"java","version":">=8","part":"engine-wrapper"}
engine train channel
description The latest stable release of the hamlet engine
source hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:latest
part core-engine hamlet-engine-base engine
part executor-bash hamlet-engine-base executor-bash
part engine-plugin-aws hamlet-engine-base engine-plugin-aws
part engine-plugin-azure hamlet-engine-base engine-plugin-azure
part bundled-engine-wrapper hamlet-engine-base engine-core/image >=8.5.0
part engine-wrapper hamlet-engine-base engine-core <8.5.0
environment [{"name":"GENERATION_ENGINE_DIR","kind":"part","part":"core-engine"},{"name":"GENERATION_PLUGIN_DIRS","kind":"parts","parts":["engine-plugin-aws","engine-plugin-azure"],"separator":";"},{"name":"GENERATION_WRAPPER_LOCAL_JAVA","kind":"has-part","part":"bundled-engine-wrapper","yes":"false","no":"true"},{"name":"GENERATION_WRAPPER_JAR_FILE","kind":"part","part":"engine-wrapper","path":"freemarker-wrapper.jar"},{"name":"GENERATION_BASE_DIR","kind":"part","part":"executor-bash"},{"name":"GENERATION_DIR","kind":"part","part":"executor-bash","path":"cli"},{"name":"AUTOMATION_BASE_DIR","kind":"part","part":"executor-bash","path":"automation"},{"name":"AUTOMATION_DIR","kind":"part","part":"executor-bash","path":"automation/jenkins/aws"},{"name":"GENERATION_WRAPPER_SCRIPT_FILE","kind":"part","part":"bundled-engine-wrapper","path":{"linux":"freemarker-wrapper-Linux/bin/freemarker-wrapper","darwin":"freemarker-wrapper-Darwin/bin/freemarker-wrapper","win32":"freemarker-wrapper-Windows/bin/freemarker-wrapper.bat"}}]
requires - {"name":"bash","version":">=4"}
requires - {"name":"jq","version":">=1.6"}
requires engine-wrapper {"name":"java","version":">=8","part":"engine-wrapper"}
engine {version} version
description A stable release of the hamlet engine
source hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:{version}
part core-engine hamlet-engine-base engine
part executor-bash hamlet-engine-base executor-bash
part engine-plugin-aws hamlet-engine-base engine-plugin-aws
part engine-plugin-azure hamlet-engine-base engine-plugin-azure
part bundled-engine-wrapper hamlet-engine-base engine-core/image >=8.5.0
part engine-wrapper hamlet-engine-base engine-core <8.5.0
environment [{"name":"GENERATION_ENGINE_DIR","kind":"part","part":"core-engine"},{"name":"GENERATION_PLUGIN_DIRS","kind":"parts","parts":["engine-plugin-aws","engine-plugin-azure"],"separator":";"},{"name":"GENERATION_WRAPPER_LOCAL_JAVA","kind":"has-part","part":"bundled-engine-wrapper","yes":"false","no":"true"},{"name":"GENERATION_WRAPPER_JAR_FILE","kind":"part","part":"engine-wrapper","path":"freemarker-wrapper.jar"},{"name":"GENERATION_BASE_DIR","kind":"part","part":"executor-bash"},{"name":"GENERATION_DIR","kind":"part","part":"executor-bash","path":"cli"},{"name":"AUTOMATION_BASE_DIR","kind":"part","part":"executor-bash","path":"automation"},{"name":"AUTOMATION_DIR","kind":"part","part":"executor-bash","path":"automation/jenkins/aws"},{"name":"GENERATION_WRAPPER_SCRIPT_FILE","kind":"part","part":"bundled-engine-wrapper","path":{"linux":"freemarker-wrapper-Linux/bin/freemarker-wrapper","darwin":"freemarker-wrapper-Darwin/bin/freemarker-wrapper","win32":"freemarker-wrapper-Windows/bin/freemarker-wrapper.bat"}}]
requires - {"name":"bash","version":">=4"}
requires - {"name":"jq","version":">=1.6"}
requires engine-wrapper {"name":"java","version":">=8","part":"engine-wrapper"}
'

# --- json.awk ---

AWK_JSON='
# Reads JSON strictly: one document, no key twice, no "__proto__", at most 64 deep, valid UTF-8, no NUL.
# A value is a number N: kind[N] is "s", "n", "o", "a" or "l" (true, false, null), text[N] the decoded string or the literal;
# size[N] how many members; member[N, I] the value of the member I (from 1), key[N, I] its key, child[N, KEY] the value by key.

# The text of a file.
function whole_file(path_,    line, all) {
  all = ""
  while ((getline line < path_) > 0) all = all line "\n"
  close(path_)
  return all
}

function json_load(    line, all) {
  all = ""
  while ((getline line) > 0) all = all line "\n"
  return json_parse(all)
}

function json_tables(    i) {
  if (json_ready) return
  json_ready = 1
  for (i = 1; i < 256; i++) { code[sprintf("%c", i)] = i; letter[i] = sprintf("%c", i) }
  for (i = 0; i < 10; i++) hex_value[i ""] = i
  for (i = 0; i < 6; i++) { hex_value[substr("abcdef", i + 1, 1)] = 10 + i; hex_value[substr("ABCDEF", i + 1, 1)] = 10 + i }
}

function json_parse(whole,    root) {
  json_tables()
  json_text = whole; json_at = 1; json_end = length(whole)
  root = json_value(0)
  json_blank()
  if (json_at <= json_end) die("there is something behind its end")
  return root
}

function json_blank(    c) {
  for (;; json_at++) {
    c = substr(json_text, json_at, 1)
    if (c != " " && c != "\n" && c != "\t" && c != "\r") return
    if (c == "") return
  }
}

function json_value(depth,    c, n) {
  json_blank()
  c = substr(json_text, json_at, 1)
  if (c == "\"") { n = ++json_count; kind[n] = "s"; text[n] = json_string(); return n }
  if (c == "{" || c == "[") {
    if (depth >= 64) die("it is nested more than 64 deep")
    json_at++
    return c == "{" ? json_object(depth + 1) : json_array(depth + 1)
  }
  return json_literal()
}

function json_object(depth,    n, c, name, value) {
  n = ++json_count; kind[n] = "o"; size[n] = 0
  json_blank()
  if (substr(json_text, json_at, 1) == "}") { json_at++; return n }
  for (;;) {
    json_blank()
    if (substr(json_text, json_at, 1) != "\"") die("a key is missing")
    name = json_string()
    if (name == "__proto__" || ((n, name) in child)) die("it has the key \"" name "\" twice, or one that is not allowed")
    json_blank()
    if (substr(json_text, json_at, 1) != ":") die("a colon is missing")
    json_at++
    value = json_value(depth)
    size[n]++
    key[n, size[n]] = name; member[n, size[n]] = value; child[n, name] = value
    json_blank()
    c = substr(json_text, json_at++, 1)
    if (c == "}") return n
    if (c != ",") die("an object is not ended")
  }
}

function json_array(depth,    n, c, value) {
  n = ++json_count; kind[n] = "a"; size[n] = 0
  json_blank()
  if (substr(json_text, json_at, 1) == "]") { json_at++; return n }
  for (;;) {
    value = json_value(depth)
    size[n]++
    member[n, size[n]] = value
    json_blank()
    c = substr(json_text, json_at++, 1)
    if (c == "]") return n
    if (c != ",") die("a list is not ended")
  }
}

function json_literal(    start, c, word, n) {
  start = json_at
  for (; (c = substr(json_text, json_at, 1)) != "" && index("+-.0123456789Eaeflnrstu", c) > 0; json_at++) ;
  word = substr(json_text, start, json_at - start)
  n = ++json_count
  text[n] = word
  if (word == "true" || word == "false" || word == "null") kind[n] = "l"
  else if (word ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/) kind[n] = "n"
  else die("a value is missing or malformed")
  return n
}

function json_string(    out, c, start, high, low) {
  out = ""
  json_at++
  for (;;) {
    start = json_at
    while ((c = substr(json_text, json_at, 1)) != "\"" && c != "\\" && c != "") {
      if (code[c] < 32) die("a string has a control character")
      if (code[c] > 127) json_utf8(); else json_at++
    }
    out = out substr(json_text, start, json_at - start)
    json_at++
    if (c == "\"") return out
    if (c == "") die("a string is not ended")
    c = substr(json_text, json_at++, 1)
    if (c == "u") {
      high = json_unit()
      if (high >= 56320 && high < 57344) die("a string has half a surrogate pair")
      if (high >= 55296 && high < 56320) {
        if (substr(json_text, json_at, 2) != "\\u") die("a string has half a surrogate pair")
        json_at += 2
        low = json_unit()
        if (low < 56320 || low > 57343) die("a string has half a surrogate pair")
        high = 65536 + (high - 55296) * 1024 + low - 56320
      }
      if (high == 0) die("a string has a NUL")
      out = out utf8_encode(high)
    }
    else if (c == "n") out = out "\n"
    else if (c == "t") out = out "\t"
    else if (c == "r") out = out "\r"
    else if (c == "b") out = out "\010"
    else if (c == "f") out = out "\014"
    else if (c == "\"" || c == "\\" || c == "/") out = out c
    else die("a string has an unknown escape")
  }
}

function json_unit(    i, c, value) {
  value = 0
  for (i = 0; i < 4; i++) {
    c = substr(json_text, json_at++, 1)
    if (!(c in hex_value)) die("a string has a malformed escape")
    value = value * 16 + hex_value[c]
  }
  return value
}

function json_utf8(    length_) {
  length_ = utf8_length(json_text, json_at)
  if (length_ == 0) die("it is not valid UTF-8")
  json_at += length_
}

# How many bytes the character beyond ASCII at a place of a text has; 0 where that is not valid UTF-8.
function utf8_length(whole, at,    lead, second, count, i, next_) {
  lead = code[substr(whole, at, 1)]
  second = code[substr(whole, at + 1, 1)] + 0
  if (lead < 194 || lead > 244) return 0
  count = lead < 224 ? 2 : lead < 240 ? 3 : 4
  if (lead == 224 && second < 160 || lead == 237 && second > 159) return 0
  if (lead == 240 && second < 144 || lead == 244 && second > 143) return 0
  for (i = 1; i < count; i++) {
    next_ = code[substr(whole, at + i, 1)] + 0
    if (next_ < 128 || next_ > 191) return 0
  }
  return count
}

function utf8_encode(point) {
  if (point < 128) return letter[point]
  if (point < 2048) return letter[192 + int(point / 64)] letter[128 + point % 64]
  if (point < 65536) return letter[224 + int(point / 4096)] letter[128 + int(point / 64) % 64] letter[128 + point % 64]
  return letter[240 + int(point / 262144)] letter[128 + int(point / 4096) % 64] letter[128 + int(point / 64) % 64] letter[128 + point % 64]
}

# A string as JSON, as JSON.stringify writes it.
function quote(string,    out, i, c) {
  json_tables()
  if (string !~ /[\001-\037"\\]/) return "\"" string "\""
  out = ""
  for (i = 1; i <= length(string); i++) {
    c = substr(string, i, 1)
    if (c == "\"" || c == "\\") out = out "\\" c
    else if (c == "\n") out = out "\\n"
    else if (c == "\t") out = out "\\t"
    else if (c == "\r") out = out "\\r"
    else if (c == "\010") out = out "\\b"
    else if (c == "\014") out = out "\\f"
    else if (code[c] < 32) out = out sprintf("\\u%04x", code[c])
    else out = out c
  }
  return "\"" out "\""
}

# A value in canonical form: keys sorted, no blanks.
function canonical(n,    i, j, order, swap, out) {
  if (kind[n] == "s") return quote(text[n])
  if (kind[n] == "n" && text[n] !~ /^(0|[1-9][0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?)$/) die("it has the number " text[n])
  if (kind[n] == "n" || kind[n] == "l") return text[n]
  out = ""
  if (kind[n] == "a") {
    for (i = 1; i <= size[n]; i++) out = out (i > 1 ? "," : "") canonical(member[n, i])
    return "[" out "]"
  }
  for (i = 1; i <= size[n]; i++) order[i] = key[n, i] ""
  for (i = 2; i <= size[n]; i++) {
    swap = order[i]
    for (j = i - 1; j >= 1 && order[j] > swap; j--) order[j + 1] = order[j]
    order[j + 1] = swap
  }
  for (i = 1; i <= size[n]; i++) out = out (i > 1 ? "," : "") quote(order[i]) ":" canonical(child[n, order[i]])
  return "{" out "}"
}

# The value of a member; dies where there is none of that kind.
function need(n, name, type) {
  if (kind[n] != "o" || !((n, name) in child) || kind[child[n, name]] != type) die("its \"" name "\" is missing or malformed")
  return child[n, name]
}

function has(n, name) {
  return kind[n] == "o" && ((n, name) in child)
}

function is_digest(string) {
  return string ~ /^sha256:[0-9a-f]+$/ && length(string) == 71 || string ~ /^sha512:[0-9a-f]+$/ && length(string) == 135
}

function is_size(n) {
  return kind[n] == "n" && text[n] ~ /^(0|[1-9][0-9]*)$/ && length(text[n]) < 16
}

# Ends with a fault of what is being read.
function die(reason) {
  gsub(/[\001-\037\177]/, "?", reason)
  print "engineshed: " subject " is not acceptable: " substr(reason, 1, 300) | "cat >&2"
  close("cat >&2")
  failed = 1
  exit 65
}
'

# --- shell.awk ---

AWK_SHELL='
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
'

# --- paths.awk ---

AWK_PATHS='
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
'

# --- tar.awk ---

AWK_TAR='
# Reads what "od -An -v -tu1" makes of a tar archive, and prints one line for each entry, with tabs between:
# kind (f, d, s, h), mode, size, the block where its content begins, 1 where programs may read it differently, name, target.
# Ends at a large file with a line "more", the block to go on from and the number of entries so far; with "end" at the end.
# Strict: what two readers could take for two archives is refused (as src/tar/reader.ts does).

BEGIN {
  subject = ENVIRON["subject"]; block = ENVIRON["first_block"] + 0; entries = ENVIRON["entries"] + 0
  json_tables()
  line_in_block = 0; skip = 0; zeros = 0; ended = 0; extension = ""; pax_path = pax_link = pax_size = long_name = long_link = ""
}

skip > 0 { skip--; next }

{
  for (i = 1; i <= NF; i++) byte[line_in_block * 16 + i - 1] = $i + 0
  if (++line_in_block < 32) next
  line_in_block = 0
  block++
  if (extension != "") read_extension(); else read_header()
}

END {
  if (failed) exit 65
  if (asked_more) exit 0
  if (line_in_block > 0 || skip > 0) die("the archive does not end at a block of 512 bytes")
  if (!ended) die("the archive ends before its end marker")
  print "end"
}

function read_header(    i, sum, signed, stated, type, name, target, mode, bytes, odd, blocks) {
  sum = 0; signed = 0
  for (i = 0; i < 512; i++) {
    if (i >= 148 && i < 156) { sum += 32; signed += 32; continue }
    sum += byte[i]
    signed += byte[i] > 127 ? byte[i] - 256 : byte[i]
  }
  if (sum == 256 && is_zero(148, 8)) {
    if (extension_of_entry()) die("the archive ends with an extended header that has no entry")
    if (++zeros >= 2) ended = 1
    return
  }
  if (ended) die("the archive goes on behind its end marker")
  if (zeros) die("the archive goes on behind a zero block")
  stated = octal(148, 8, "a checksum")
  if (stated != sum && stated != signed) die("the checksum of a header is wrong")
  magic = chars(257, 6)
  odd = 0
  if (magic == "ustar" && chars(508, 4) == "tar" && byte[511] == 0) die("it is in the xstar format")
  name = field(0, 100, "name")
  if (magic == "ustar" && byte[262] == 0) { if (byte[345]) name = field(345, 155, "prefix") "/" name }
  else if (!is_zero(345, 155)) odd = 1
  target = field(157, 100, "link name")
  type = byte[156] == 0 ? "0" : letter[byte[156]]
  mode = octal(100, 8, "the mode of " name) % 4096
  bytes = octal(124, 12, "the size of " name)
  if (type ~ /[xgLK]/) { begin_extension(type, bytes); return }
  if (long_name != "" && pax_path != "" || long_link != "" && pax_link != "") die("an entry has its name twice: " name)
  if (extension_of_entry()) odd = 1
  if (pax_path != "") name = substr(pax_path, 2); else if (long_name != "") name = substr(long_name, 2)
  if (pax_link != "") target = substr(pax_link, 2); else if (long_link != "") target = substr(long_link, 2)
  if (pax_size != "") {
    if (substr(pax_size, 2) + 0 != bytes) die("its header and its pax header say different sizes: " name)
  }
  pax_path = pax_link = pax_size = long_name = long_link = ""
  entry(name, target, type, mode, bytes, odd)
}

function entry(name, target, type, mode, bytes, odd,    kind_, blocks) {
  if (++entries > 1000000) die("it has more than 1000000 entries")
  kind_ = ""
  if (type == "0") kind_ = name ~ /\/$/ ? "d" : "f"
  if (type == "0" && kind_ == "d" || type == "7") odd = 1
  if (type == "7") kind_ = "f"
  if (type == "1") kind_ = "h"
  if (type == "2") kind_ = "s"
  if (type == "5") kind_ = "d"
  if (type ~ /[346]/) die("it has a device or FIFO: " name)
  if (kind_ == "") die("it has an entry of the type \"" type "\", which is not supported: " name)
  if (kind_ != "f" && bytes != 0) die("it has a directory or link with content: " name)
  if (name ~ /[\001-\037\177]/ || target ~ /[\001-\037\177]/) die("a name has a control character: " name)
  if (kind_ != "s" && kind_ != "h") target = ""
  printf "%s\t%d\t%.0f\t%.0f\t%d\t%s\t%s\n", kind_, mode, bytes, block, odd, name, target
  if (kind_ != "f") return
  blocks = int((bytes + 511) / 512)
  if (blocks > 4096) {
    printf "more\t%.0f\t%d\n", block + blocks, entries
    asked_more = 1
    exit 0
  }
  block += blocks
  skip = blocks * 32
}

function extension_of_entry() {
  return pax_path != "" || pax_link != "" || pax_size != "" || long_name != "" || long_link != ""
}

function begin_extension(type, bytes) {
  if (bytes > 1048576) die("an extended header has more than 1 MiB")
  extension = type; extension_size = bytes; extension_read = 0
  if (bytes == 0) end_extension()
}

function read_extension(    i) {
  for (i = 0; i < 512 && extension_read < extension_size; i++) data[extension_read++] = byte[i]
  if (extension_read >= extension_size) end_extension()
}

function end_extension(    type, name) {
  type = extension
  extension = ""
  if (type == "x" || type == "g") { read_pax(type); return }
  name = "=" data_text(0, extension_size, 1)
  if (type == "L") { if (long_name != "") die("an entry has two long names"); long_name = name }
  else { if (long_link != "") die("an entry has two long names"); long_link = name }
}

function read_pax(type,    at, start, length_, equals, name, value, seen, end_) {
  if (type == "x" && pax_seen_at == entries "x" && extension_of_entry()) die("an entry has two pax headers")
  pax_seen_at = entries "x"
  for (at = 0; at < extension_size; at = end_) {
    length_ = 0
    for (start = at; start < extension_size && data[start] >= 48 && data[start] <= 57 && start - at < 8; start++)
      length_ = length_ * 10 + data[start] - 48
    end_ = at + length_
    if (start == at || data[at] == 48 || start >= extension_size || data[start] != 32 || end_ > extension_size || end_ <= start + 1 || data[end_ - 1] != 10)
      die("a pax record is malformed")
    for (equals = start + 1; equals < end_ && data[equals] != 61; equals++) ;
    if (equals >= end_ || equals == start + 1) die("a pax record has no key")
    name = data_text(start + 1, equals, 0)
    if (name ~ /^GNU\.sparse\./ || name == "SCHILY.realsize" || name == "SCHILY.filetype") die("it has a sparse or special file (" name ")")
    if (name == "hdrcharset") {
      value = data_text(equals + 1, end_ - 1, 0)
      if (value != "BINARY" && value != "ISO-IR 10646 2000 UTF-8") die("its names are in the character set " value)
    }
    if (name != "path" && name != "linkpath" && name != "size") continue
    if (type == "g") die("a global pax header sets the " name " of all entries")
    if (name in seen) die("a pax header has " name " twice")
    seen[name] = 1
    value = "=" data_text(equals + 1, end_ - 1, 0)
    if (name == "path") pax_path = value
    else if (name == "linkpath") pax_link = value
    else {
      if (value !~ /^=(0|[1-9][0-9]*)$/ || length(value) > 16) die("a pax size is not a decimal number")
      pax_size = value
    }
  }
}

# Bytes of the extended header as text. A NUL is refused, or ends it where only NULs follow.
function data_text(from, to, nul_ends,    out, i) {
  out = ""
  for (i = from; i < to; i++) {
    if (data[i] == 0) break
    out = out letter[data[i]]
  }
  for (; i < to; i++) if (!nul_ends || data[i] != 0) die("an extended header has a NUL inside")
  return out
}

function field(at, count, what,    out, i) {
  out = ""
  for (i = at; i < at + count && byte[i]; i++) out = out letter[byte[i]]
  for (; i < at + count; i++) if (byte[i]) die("a " what " has bytes behind its end: " out)
  return out
}

function chars(at, count,    out, i) {
  out = ""
  for (i = at; i < at + count && byte[i]; i++) out = out letter[byte[i]]
  return out
}

function is_zero(at, count,    i) {
  for (i = at; i < at + count; i++) if (byte[i]) return 0
  return 1
}

function octal(at, count, what,    i, value) {
  if (byte[at] > 127) die(what " is negative, or 8 GiB or more, which this script does not handle")
  value = 0
  for (i = at; i < at + count && byte[i] == 32; i++) ;
  for (; i < at + count && byte[i] >= 48 && byte[i] <= 55; i++) value = value * 8 + byte[i] - 48
  for (; i < at + count; i++) if (byte[i] != 0 && byte[i] != 32) die(what " is not an octal number")
  return value
}
'

# --- layer.awk ---

AWK_LAYER='
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
'

# --- compose.awk ---

AWK_COMPOSE='
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
'

# --- inventory.awk ---

AWK_INVENTORY='
# Makes the inventory of a layer: reads its entries (see layer.awk) and, from the file $hashes, the digest of each file in order.

BEGIN { FS = "\t"; subject = ENVIRON["subject"]; json_tables() }

$1 == "f" {
  if ((getline line < ENVIRON["hashes"]) <= 0 || line !~ /^[0-9a-f]+ / || index(line, " ") != 65) die("its files could not be hashed")
  print "[\"f\"," quote($4) "," $2 "," $3 ",\"sha256:" substr(line, 1, 64) "\"]"
}
$1 == "d" { print "[\"d\"," quote($4) "," $2 "]" }
$1 == "s" || $1 == "h" { print "[\"" $1 "\"," quote($4) "," quote($5) "]" }
'

# --- record.awk ---

AWK_RECORD='
# Prints the canonical text of a layer.json; with $sum, the digest of the one without, it has that too.

BEGIN {
  subject = ENVIRON["subject"]
  printf "{\"bytes\":%s,\"descriptor\":%s,\"diffId\":%s,\"entries\":%s,\"inventory\":%s,\"name\":%s,\"opaques\":%s%s,\"whiteouts\":%s}", \
    ENVIRON["bytes"], ENVIRON["descriptor"], quote(ENVIRON["diff_id"]), ENVIRON["entries"], quote(ENVIRON["inventory"]), \
    quote(ENVIRON["name"]), ENVIRON["opaques"], (ENVIRON["sum"] == "" ? "" : ",\"sum\":" quote(ENVIRON["sum"])), ENVIRON["whiteouts"]
}
'

# --- platform.awk ---

AWK_PLATFORM='
# Choosing the image for $platform_os and $platform_architecture, by the rules of the CLI (src/oci/platform.ts).

# How well a platform fits, less is better; -1 where it does not. $features is what asking for features of the system costs.
function rank_platform(os, architecture, variant, features,    wanted, rank) {
  wanted = ENVIRON["platform_architecture"]
  if (os == ENVIRON["platform_os"]) {
    rank = variant_rank(architecture, variant, wanted, "")
    if (rank >= 0) return rank * 4 + features
    rank = wanted == "arm64" ? variant_rank(architecture, variant, "arm", "v8") : wanted == "amd64" ? variant_rank(architecture, variant, "386", "") : -1
    if (rank >= 0) return 1000000 + rank * 4 + features
  }
  if (os != "linux") return -1
  rank = variant_rank(architecture, variant, wanted, "")
  if (rank >= 0) return 3000000 + rank * 4 + features
  return architecture == "amd64" ? 4000000 + features : -1
}

# How far a variant is below the wanted one.
function variant_rank(architecture, variant, wanted, wanted_variant,    own, wants) {
  if (architecture != wanted) return -1
  own = variant_number(architecture, variant)
  wants = variant_number(wanted, wanted_variant)
  if (own == wants) return 0
  if (own < 0 || wants < 0) return wanted_variant == "" ? 50000 : -1
  if (own < wants) return wants - own
  return wanted_variant == "" ? 50000 : -1
}

# "v8.1" as 801; -1 for a variant that is no number.
function variant_number(architecture, variant,    parts) {
  if (variant == "") variant = architecture == "amd64" ? "v1" : architecture == "arm" ? "v7" : architecture == "arm64" ? "v8" : "v0"
  if (variant !~ /^v?[0-9][0-9]?(\.[0-9][0-9]?)?$/) return -1
  sub(/^v/, "", variant)
  split(variant, parts, ".")
  return parts[1] * 100 + parts[2]
}
'

# --- manifest.awk ---

AWK_MANIFEST='
# Reads a manifest or index, from standard input. $media_type is what it was given as. Prints one of
#   index DIGEST SIZE TYPE       the manifest to go on with, of an index, and its descriptor: that of $wanted, where there is one
#   manifest TYPE                and then "config DIGEST SIZE TYPE", and "layer DIGEST SIZE TYPE" for each layer, lowest first

BEGIN {
  subject = ENVIRON["subject"]
  root = json_load()
  if (kind[root] != "o") die("it is no object")
  type = ENVIRON["media_type"]
  if (has(root, "mediaType")) {
    stated = text[need(root, "mediaType", "s")]
    if (type != "" && stated != type) die("it calls itself \"" stated "\" but was given as \"" type "\"")
    type = stated
  }
  # Where nobody says it, the members tell.
  if (type == "" && has(root, "manifests")) type = "application/vnd.oci.image.index.v1+json"
  if (type == "" && has(root, "layers")) type = "application/vnd.oci.image.manifest.v1+json"
  is_index = type == "application/vnd.oci.image.index.v1+json" || type == "application/vnd.docker.distribution.manifest.list.v2+json"
  is_manifest = type == "application/vnd.oci.image.manifest.v1+json" || type == "application/vnd.docker.distribution.manifest.v2+json"
  if (type ~ /^application\/vnd\.docker\.distribution\.manifest\.v1\+/) die("it is in Docker schema 1, which is not supported")
  if (!is_index && !is_manifest) die("it has the media type \"" type "\", which is no image")
  if (text[need(root, "schemaVersion", "n")] != "2") die("its schemaVersion is not 2")
  if (has(root, "manifests") && (has(root, "layers") || has(root, "config"))) die("it has both layers and manifests")
  if (is_index) { print "index " choose(need(root, "manifests", "a")); exit 0 }
  print "manifest " type
  print "config " described(need(root, "config", "o"))
  layers = need(root, "layers", "a")
  if (size[layers] > 1000) die("it has more than 1000 layers")
  for (i = 1; i <= size[layers]; i++) {
    print "layer " described(member[layers, i])
    layer_type(text[child[member[layers, i], "mediaType"]])
  }
}

# Digest, size and media type of a descriptor.
function described(n,    digest) {
  digest = text[need(n, "digest", "s")]
  if (!is_digest(digest)) die("\"" digest "\" is not a digest")
  need(n, "mediaType", "s")
  if (text[child[n, "mediaType"]] !~ /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$/) die("it has a malformed media type")
  if (!is_size(need(n, "size", "n"))) die("it has a malformed size")
  return digest " " text[child[n, "size"]] " " text[child[n, "mediaType"]]
}

function layer_type(type) {
  if (type == "application/vnd.oci.image.layer.v1.tar+zstd") {
    if (ENVIRON["zstd"] == "") die("it has a layer that is compressed with zstd; install the program zstd, or install the engine with the engineshed command")
    return
  }
  if (type != "application/vnd.oci.image.layer.v1.tar" && type != "application/vnd.docker.image.rootfs.diff.tar" && type != "application/vnd.oci.image.layer.v1.tar+gzip" && type != "application/vnd.docker.image.rootfs.diff.tar.gzip") die("it has a layer of the media type \"" type "\", which cannot be read")
}

# The image of an index for the platform.
function choose(list,    i, n, rank, best, best_rank, offered, platform) {
  if (size[list] > 1000) die("it has more than 1000 manifests")
  best = 0; offered = ""
  for (i = 1; i <= size[list]; i++) {
    n = member[list, i]
    described(n)
    if (ENVIRON["wanted"] != "" && text[child[n, "digest"]] == ENVIRON["wanted"]) return described(n) "\n" canonical(n)
    if (!is_image(n)) continue
    platform = has(n, "platform") ? need(n, "platform", "o") : 0
    offered = offered " " (platform ? text[need(platform, "os", "s")] "/" text[need(platform, "architecture", "s")] : "any")
    rank = rank_of(platform)
    if (rank >= 0 && (!best || rank < best_rank)) { best = n; best_rank = rank }
  }
  if (!best) die("it has no image for " ENVIRON["platform_os"] "/" ENVIRON["platform_architecture"] "; there is:" offered)
  return described(best) "\n" canonical(best)
}

function is_image(n,    type, notes) {
  type = text[child[n, "mediaType"]]
  if (type !~ /^application\/vnd\.(oci\.image\.(manifest|index)\.v1|docker\.distribution\.manifest(\.list)?\.v2)\+json$/) return 0
  if (has(n, "annotations")) {
    notes = need(n, "annotations", "o")
    if (has(notes, "vnd.docker.reference.type") && text[child[notes, "vnd.docker.reference.type"]] == "attestation-manifest") return 0
  }
  if (!has(n, "platform")) return 1
  return !(text[child[child[n, "platform"], "os"]] == "unknown" && text[child[child[n, "platform"], "architecture"]] == "unknown")
}

function rank_of(n,    features) {
  if (!n) return 2000000
  features = has(n, "os.features") && size[child[n, "os.features"]] > 0 ? 2 : 0
  return rank_platform(text[child[n, "os"]], text[child[n, "architecture"]], has(n, "variant") ? text[child[n, "variant"]] : "", features)
}
'

# --- source.awk ---

AWK_SOURCE='
# Prints what a lock says of an image, as canonical JSON: $manifest and $config are the files, $descriptor that of the manifest (from
# its index, where it has one), $reference what was asked for, $resolved the digest that it stood for.

BEGIN {
  subject = ENVIRON["subject"]
  manifest = json_parse(whole_file(ENVIRON["manifest"]))
  config = json_parse(whole_file(ENVIRON["config"]))
  described_as = json_parse(ENVIRON["descriptor"])
  if (kind[config] != "o") die("its config is no object")
  rootfs = need(config, "rootfs", "o")
  if (text[need(rootfs, "type", "s")] != "layers") die("its config has no layers")
  diff_ids = need(rootfs, "diff_ids", "a")
  layers = need(manifest, "layers", "a")
  if (size[layers] != size[diff_ids]) die("it has " size[layers] " layers but its config names " size[diff_ids])
  list = ""
  for (i = 1; i <= size[layers]; i++) {
    diff_id = text[member[diff_ids, i]]
    if (kind[member[diff_ids, i]] != "s" || !is_digest(diff_id)) die("its config has a malformed diffID")
    list = list (i > 1 ? "," : "") "{\"descriptor\":" plain(member[layers, i]) ",\"diffId\":" quote(diff_id) "}"
  }
  annotations = has(manifest, "annotations") ? need(manifest, "annotations", "o") : 0
  platform = platform_of()
  printf "{\"annotations\":%s,\"config\":%s,\"kind\":\"image\",\"layers\":[%s],\"manifest\":%s,%s\"reference\":%s,\"resolved\":%s}\n", \
    (annotations ? texts(annotations) : "{}"), plain(child[manifest, "config"]), list, plain(described_as), \
    (platform == "" ? "" : "\"platform\":" quote(platform) ","), quote(ENVIRON["reference"]), quote(ENVIRON["resolved"])
}

# What the index says counts, for it was chosen by that.
function platform_of(    n, os, architecture) {
  n = has(described_as, "platform") ? child[described_as, "platform"] : config
  os = has(n, "os") ? text[child[n, "os"]] : ""
  architecture = has(n, "architecture") ? text[child[n, "architecture"]] : ""
  if (n == config && (os == "" && !has(n, "os") || architecture == "" && !has(n, "architecture"))) return ""
  return os "/" architecture (has(n, "variant") && text[child[n, "variant"]] != "" ? "/" text[child[n, "variant"]] : "")
}

function plain(n,    out) {
  out = has(n, "annotations") ? "\"annotations\":" texts(need(n, "annotations", "o")) "," : ""
  out = out "\"digest\":" quote(text[need(n, "digest", "s")]) ",\"mediaType\":" quote(text[need(n, "mediaType", "s")])
  if (has(n, "platform")) out = out ",\"platform\":" canonical(child[n, "platform"])
  return "{" out ",\"size\":" text[need(n, "size", "n")] "}"
}

# An object whose values are texts.
function texts(n,    i) {
  for (i = 1; i <= size[n]; i++) if (kind[member[n, i]] != "s") die("an annotation is no text")
  return canonical(n)
}
'

# --- lock.awk ---

AWK_LOCK='
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
'

# --- definition.awk ---

AWK_DEFINITION='
# Finds an engine in the definitions (standard input: what scripts/bootstrap.mjs makes of the catalog). $wanted is a name, or
# $registry, $repository and $tag are those of an image that is named instead. Prints "name", "kind", "description", "source NAME
# REFERENCE", "parts JSON", "environment JSON" and, where it needs something, "requires JSON"; nothing where there is none.

BEGIN { subject = ENVIRON["subject"]; wanted = ENVIRON["wanted"]; best = 0 }

$1 == "engine" { engines++; name_of[engines] = $2; kind_of[engines] = $3; next }
{ what = $1; rest = substr($0, length(what) + 2) }
what == "description" { description[engines] = rest }
what == "source" { source_count[engines]++; source_name[engines] = $2; sources[engines] = sources[engines] what " " rest "\n"; reference[engines] = $3 }
what == "part" { part_count[engines]++; part_line[engines, part_count[engines]] = rest }
what == "environment" { environment[engines] = rest }
what == "requires" { requires_count[engines]++; requires_line[engines, requires_count[engines]] = rest }

END {
  if (wanted != "") {
    for (i = 1; i <= engines; i++) if (name_of[i] == wanted) { tell(i, ""); exit 0 }
    for (i = engines; i >= 1; i--) if ((found = matched(name_of[i], wanted)) != "") { tell(i, found); exit 0 }
    exit 0
  }
  place = ENVIRON["registry"] "/" ENVIRON["repository"]
  for (i = engines; i >= 1; i--) {
    if (source_count[i] != 1 || substr(reference[i], 1, length(place) + 1) != place ":") continue
    tag = substr(reference[i], length(place) + 2)
    found = ENVIRON["tag"] == "" ? "" : matched(tag, ENVIRON["tag"])
    if (tag == ENVIRON["tag"] || found != "") { tell(i, found); exit 0 }
    if (!best) best = i
  }
  if (best) tell(best, "")
}

# What stands for the placeholder of a pattern in a name; empty where the name is no member.
function matched(pattern, name,    at, type, before, after, found) {
  at = match(pattern, /\{(date|version)\}/)
  if (!at) return ""
  type = substr(pattern, RSTART + 1, RLENGTH - 2)
  before = substr(pattern, 1, RSTART - 1); after = substr(pattern, RSTART + RLENGTH)
  if (length(name) <= length(before) + length(after) || substr(name, 1, length(before)) != before) return ""
  if (after != "" && substr(name, length(name) - length(after) + 1) != after) return ""
  found = substr(name, length(before) + 1, length(name) - length(before) - length(after))
  if (type == "date") return is_date(found) ? found : ""
  return found ~ /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$/ && length(found) < 48 ? found : ""
}

function is_date(found,    year, month, day, days) {
  if (found !~ /^[1-9][0-9][0-9][0-9][01][0-9][0-3][0-9]$/) return 0
  year = substr(found, 1, 4) + 0; month = substr(found, 5, 2) + 0; day = substr(found, 7, 2) + 0
  if (month < 1 || month > 12 || day < 1) return 0
  days = month == 2 ? 28 + (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
  return day <= days
}

function tell(engine, found,    version, j, words, list, needs) {
  version = found ~ /\./ ? found : ""
  print "name " filled(name_of[engine], found)
  print "kind " kind_of[engine]
  print "description " description[engine]
  printf "%s", filled(sources[engine], found)
  list = ""
  for (j = 1; j <= part_count[engine]; j++) {
    split(part_line[engine, j], words, " ")
    if (words[4] != "" && !in_range(version, words[4])) continue
    list = list (list == "" ? "" : ",") "{\"path\":" quote(words[3]) ",\"source\":" quote(words[2]) ",\"type\":" quote(words[1]) "}"
  }
  print "parts [" list "]"
  print "environment " environment[engine]
  needs = ""
  for (j = 1; j <= requires_count[engine]; j++) {
    split(requires_line[engine, j], words, " ")
    if (words[1] != "-" && index(list, "\"type\":" quote(words[1]) "}") == 0) continue
    needs = needs (needs == "" ? "" : ",") substr(requires_line[engine, j], length(words[1]) + 2)
  }
  if (needs != "") print "requires [" needs "]"
}

function filled(pattern, found) {
  if (found != "") sub(/\{(date|version)\}/, found, pattern)
  return pattern
}

# Whether a version is in a range, ">=X.Y.Z" or "<X.Y.Z"; no version is newer than every version.
function in_range(version, range,    least, own, i, below) {
  least = range
  sub(/^[<>=]+/, "", least)
  split(least, least_part, "."); split(version, own_part, ".")
  below = 0
  if (version != "") for (i = 1; i <= 3; i++) {
    if (own_part[i] + 0 == least_part[i] + 0) continue
    below = own_part[i] + 0 < least_part[i] + 0
    break
  }
  return range ~ /^</ ? below : !below
}
'

# --- challenge.awk ---

AWK_CHALLENGE='
# Reads a WWW-Authenticate value for each line of standard input. Prints, of the first Bearer challenge with a realm, "bearer",
# the realm and the service on a line each; else "basic" where that is asked for; else nothing.

{ challenges($0) }

END {
  if (realm != "") print "bearer\n" realm "\n" service
  else if (basic) print "basic"
}

function challenges(line,    scheme, name, value, c, own_realm, own_service, word) {
  scheme = ""
  while (line != "") {
    sub(/^[ \t,]+/, "", line)
    if (!match(line, /^[A-Za-z0-9!#$%&*+.^_`|~-]+/)) return
    word = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    if (line !~ /^[ \t]*=/ || line ~ /^[ \t]*=+[ \t]*(,|$)/) { scheme = tolower(word); if (scheme == "basic") basic = 1; continue }
    sub(/^[ \t]*=[ \t]*/, "", line)
    value = ""
    if (substr(line, 1, 1) == "\"") {
      line = substr(line, 2)
      while (line != "" && (c = substr(line, 1, 1)) != "\"") {
        if (c == "\\") { line = substr(line, 2); c = substr(line, 1, 1) }
        value = value c
        line = substr(line, 2)
      }
      line = substr(line, 2)
    } else {
      match(line, /^[^ \t,]*/)
      value = substr(line, 1, RLENGTH)
      line = substr(line, RLENGTH + 1)
    }
    if (scheme != "bearer" || realm_done) continue
    name = tolower(word)
    if (name == "realm" && realm == "" && value ~ /^https?:\/\/[^\/@ \t"\\<>]+(\/[^ \t"\\<>]*)?$/) realm = value
    if (name == "service" && service == "" && value ~ /^[ -~]*$/) service = value
  }
  if (realm != "") realm_done = 1
}
'

# --- text.awk ---

AWK_TEXT='
# Small conversions, by $task: "token" reads the answer of a token service, "base64" what "od -An -v -tu1" makes of a line,
# "escape" a text for the query of a URL.

BEGIN {
  subject = ENVIRON["subject"]
  task = ENVIRON["task"]
  if (task == "token") token()
  if (task == "escape") escape(ENVIRON["text"])
}

{ for (i = 1; i <= NF; i++) octet[octets++] = $i + 0 }

END {
  if (failed) exit 65
  if (task == "base64") base64()
}

function token(    root, name, value) {
  root = json_load()
  if (kind[root] != "o") die("it is no object")
  name = has(root, "token") && text[child[root, "token"]] != "" ? "token" : "access_token"
  value = text[need(root, name, "s")]
  if (value !~ /^[A-Za-z0-9._~+\/-]+=*$/) { value = ""; die("its token is malformed") }
  print value
  exit 0
}

function escape(string,    i, c, out) {
  json_tables()
  out = ""
  for (i = 1; i <= length(string); i++) {
    c = substr(string, i, 1)
    out = out (c ~ /[A-Za-z0-9._~:\/-]/ ? c : sprintf("%%%02X", code[c]))
  }
  print out
  exit 0
}

# The line has a newline at its end, which does not count.
function base64(    digits, i, left, out) {
  digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  octets--
  out = ""
  for (i = 0; i < octets; i += 3) {
    left = octets - i
    out = out substr(digits, int(octet[i] / 4) + 1, 1)
    out = out substr(digits, octet[i] % 4 * 16 + int((left > 1 ? octet[i + 1] : 0) / 16) + 1, 1)
    out = out (left > 1 ? substr(digits, octet[i + 1] % 16 * 4 + int((left > 2 ? octet[i + 2] : 0) / 64) + 1, 1) : "=")
    out = out (left > 2 ? substr(digits, octet[i + 2] % 64 + 1, 1) : "=")
  }
  print out
}
'

# --- shim.awk ---

AWK_SHIM='
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
'

# --- The shim of commands: src/store/shim.sh ---

print_shim() {
  cat <<'SHIM'
#!/bin/sh
# A shim of Engineshed, which makes, replaces and removes this file: it runs the command of its name of the selected engine.
#
#   COMMAND [ARGUMENT...]           of the selected engine
#   COMMAND +ENGINE [ARGUMENT...]   of this engine, NAME or NAME@ID; write "++x" for a first argument "+x"
#
# The engine is that of "engineshed current --explain", in the same order. Until the command takes over there is nothing but what
# the shell has built in. What this cannot decide it leaves to "engineshed exec", which also installs what is missing.
set +eu

engineshed_fail() { # STATUS MESSAGE HINT
  echo "engineshed: $2" >&2
  echo "  $3" >&2
  exit "$1"
}

engineshed_is_name() { # TEXT
  case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
  esac
}

engineshed_skip_blanks() {
  engineshed_line=${engineshed_line#"${engineshed_line%%[! @TAB@]*}"}
}

# Finds KEY = "NAME" in FILE, as src/engine/top-line.ts does: 0 and engineshed_value, 1 where there is no such line, 2 for another one.
engineshed_top_line() { # FILE KEY
  [ -r "$1" ] || return 2
  while IFS= read -r engineshed_line || [ -n "$engineshed_line" ]; do
    engineshed_line=${engineshed_line#@BOM@}
    engineshed_skip_blanks
    case $engineshed_line in
      '['*) return 1 ;;
      "$2"*) ;;
      *) continue ;;
    esac
    engineshed_line=${engineshed_line#"$2"}
    engineshed_skip_blanks
    case $engineshed_line in
      '='*) ;;
      *) continue ;;
    esac
    engineshed_line=${engineshed_line#=}
    engineshed_skip_blanks
    case $engineshed_line in
      '"'*'"'*)
        engineshed_line=${engineshed_line#'"'}
        engineshed_value=${engineshed_line%%'"'*}
        engineshed_line=${engineshed_line#*'"'}
        ;;
      "'"*"'"*)
        engineshed_line=${engineshed_line#"'"}
        engineshed_value=${engineshed_line%%"'"*}
        engineshed_line=${engineshed_line#*"'"}
        ;;
      *) return 2 ;;
    esac
    engineshed_skip_blanks
    case $engineshed_line in
      '' | '@CR@' | '#'*) ;;
      *) return 2 ;;
    esac
    engineshed_is_name "$engineshed_value" || return 2
    return 0
  done <"$1"
  return 1
}

# Reads the first four lines of a lock: 0 and engineshed_id, 2 for anything but a lock of engineshed_name.
engineshed_read_lock() { # FILE
  [ -r "$1" ] || return 2
  {
    IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = '{' ] &&
      IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = '  "version": 1,' ] &&
      IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = "  \"engine\": \"$engineshed_name\"," ] &&
      IFS= read -r engineshed_line
  } <"$1" || return 2
  engineshed_line=${engineshed_line%@CR@}
  engineshed_id=${engineshed_line#'  "id": "'}
  engineshed_id=${engineshed_id%'",'}
  [ "$engineshed_line" = "  \"id\": \"$engineshed_id\"," ] && engineshed_is_id "$engineshed_id" || return 2
}

engineshed_is_id() { # TEXT
  case $1 in
    *[!0-9a-f]*) return 1 ;;
    ????????????????) ;;
    *) return 1 ;;
  esac
}

# Whether somebody else may have put FILE into a DIRECTORY where everybody may write. Only where the shell cannot tell, "ls" does.
engineshed_is_planted() { # FILE DIRECTORY
  [ -O "$1" ] && return 1
  [ -w "$2" ] || return 1
  case $(command -p ls -Lldn "$2") in
    d???????w*) ;;
    d*) return 1 ;;
  esac
  set -- $(command -p ls -Lldn "$1")
  [ "${3-}" != 0 ]
}

# Looks for the pin of a project, from the working directory upward by its real parents.
engineshed_find_pin() {
  # Where the working directory is gone there is no project.
  case ${PWD-} in
    /*) [ . -ef "$PWD" ] || return 1 ;;
    *) return 1 ;;
  esac
  engineshed_up=./
  while :; do
    if [ -f "${engineshed_up}engineshed.toml" ]; then
      engineshed_is_planted "${engineshed_up}engineshed.toml" "$engineshed_up" && return 2
      engineshed_top_line "${engineshed_up}engineshed.toml" engine
      case $? in
        0) break ;;
        2) return 2 ;;
      esac
    fi
    [ -d "${engineshed_up}.." ] && ! [ "$engineshed_up" -ef "${engineshed_up}.." ] || return 1
    engineshed_up=${engineshed_up}../
  done
  engineshed_name=$engineshed_value
  [ -f "${engineshed_up}engineshed.lock" ] || return 0
  engineshed_is_planted "${engineshed_up}engineshed.lock" "$engineshed_up" && return 2
  engineshed_read_lock "${engineshed_up}engineshed.lock"
}

# Reads NAME or NAME@ID into engineshed_name and engineshed_id.
engineshed_read_named() { # TEXT
  engineshed_name=${1%%@*}
  case $1 in
    *@*)
      engineshed_id=${1#*@}
      engineshed_is_id "$engineshed_id" || return 1
      ;;
  esac
  engineshed_is_name "$engineshed_name"
}

# The user's default: as src/cli/places.ts has it, where the environment tells.
engineshed_find_default() {
  case ${XDG_CONFIG_HOME-} in
    /*) engineshed_line=$XDG_CONFIG_HOME ;;
    *) engineshed_line=${HOME-}/.config ;;
  esac
  [ -f "$engineshed_line/engineshed/engineshed.toml" ] || return 1
  engineshed_top_line "$engineshed_line/engineshed/engineshed.toml" default || return
  engineshed_name=$engineshed_value
}

engineshed_command=${0##*/}
engineshed_is_name "$engineshed_command" ||
  engineshed_fail 64 'A shim was called by a name that no command has' 'Call it by the name that it has in the store.'

# What a command is called by must not be that command again and again, as where it calls its own name for another program.
engineshed_depth=${ENGINESHED_DEPTH:-0}
case $engineshed_depth in
  *[!0-9]* | 0?* | ????*) engineshed_depth=0 ;;
esac
[ "$engineshed_depth" -lt 100 ] ||
  engineshed_fail 70 "$engineshed_command calls shims that call each other, without an end" \
    "Where it means another program of that name, have it call that by its path."
ENGINESHED_DEPTH=$((engineshed_depth + 1))
export ENGINESHED_DEPTH

# The store: that of ENGINESHED_HOME; else the one that this file lies in; else, called through a link from elsewhere, the one that
# it was made for.
engineshed_home=${ENGINESHED_HOME-}
if [ -z "$engineshed_home" ]; then
  case $0 in
    /*/shims/"$engineshed_command") engineshed_home=${0%/*/*} ;;
    */shims/"$engineshed_command") engineshed_home=$PWD/${0%/*/*} ;;
  esac
  [ -n "$engineshed_home" ] && [ -f "$engineshed_home/store.json" ] || engineshed_home=@STORE@
fi

engineshed_name=
engineshed_id=
engineshed_choice=--
engineshed_problem=
engineshed_remedy=
engineshed_why=
case $engineshed_home in
  /*) ;;
  *) engineshed_problem='ENGINESHED_HOME is not an absolute path' ;;
esac
case ${1-} in
  ++*)
    engineshed_line=${1#+}
    shift
    set -- "$engineshed_line" "$@"
    ;;
  +*)
    engineshed_choice=$1
    shift
    ;;
esac
if [ "$engineshed_choice" != -- ]; then
  engineshed_read_named "${engineshed_choice#+}" ||
    engineshed_fail 64 'What stands after "+" is no engine' 'Write +NAME or +NAME@ID, and ++ for a first argument that begins with a plus.'
elif [ -n "${ENGINESHED_ENGINE-}" ]; then
  engineshed_why=', and ENGINESHED_ENGINE selects it'
  engineshed_read_named "$ENGINESHED_ENGINE" || engineshed_problem='ENGINESHED_ENGINE is set to what is no engine'
elif [ -n "${HAMLET_ENGINE-}" ]; then
  engineshed_why=', and HAMLET_ENGINE selects it'
  engineshed_read_named "$HAMLET_ENGINE" || engineshed_problem='HAMLET_ENGINE is set to what is no engine'
else
  engineshed_find_pin
  case $? in
    0)
      engineshed_why=', and the project pins it'
      # A working copy that is linked on this machine.
      [ -h "$engineshed_home/engines/$engineshed_name/links/$engineshed_id" ] && engineshed_id=links/$engineshed_id
      ;;
    1)
      engineshed_id=
      if ! [ -h "$engineshed_home/current" ]; then
        engineshed_find_default
        case $? in
          0) engineshed_why=', and it is the default' ;;
          1) engineshed_problem='No engine is active' ;;
          *) engineshed_problem='The default engine in the configuration file of the user cannot be read' ;;
        esac
      fi
      ;;
    *) engineshed_problem='The engine that the project pins cannot be read' ;;
  esac
fi

if [ -z "$engineshed_problem" ]; then
  engineshed_wanted=$engineshed_name
  if [ -n "$engineshed_id" ]; then
    engineshed_state=$engineshed_home/engines/$engineshed_name/$engineshed_id
  elif [ -n "$engineshed_name" ]; then
    engineshed_state=$engineshed_home/engines/$engineshed_name/active
  else
    engineshed_state=$engineshed_home/current
  fi
  engineshed_line=$engineshed_name${engineshed_id:+@$engineshed_id}
  engineshed_file=
  if [ -f "$engineshed_state/.commands" ]; then
    . "$engineshed_state/.commands"
  elif [ -f "$engineshed_state/engine.json" ]; then
    engineshed_damaged=
  else
    engineshed_problem="The engine ${engineshed_line:-that is active} is not installed$engineshed_why"
    engineshed_remedy=${engineshed_name:+"Install it with: engineshed install $engineshed_name"}
  fi
fi
# A file system without upper and lower case may have found an engine of another name.
if [ -z "$engineshed_problem" ] && [ -n "$engineshed_wanted" ] && [ "$engineshed_wanted" != "$engineshed_name" ]; then
  engineshed_problem="The engine $engineshed_wanted is not installed$engineshed_why"
  engineshed_remedy="Install it with: engineshed install $engineshed_wanted"
fi
if [ -z "$engineshed_problem" ]; then
  if [ -n "$engineshed_damaged" ]; then
    engineshed_problem="The source $engineshed_damaged of the engine $engineshed_name is damaged"
    engineshed_remedy="Repair it with: engineshed verify $engineshed_name --repair"
  elif [ -z "$engineshed_file" ]; then
    for engineshed_line in "$engineshed_home"/engines/*/active/bin/"$engineshed_command"; do
      [ -h "$engineshed_line" ] || continue
      engineshed_line=${engineshed_line%/active/bin/*}
      engineshed_remedy="$engineshed_remedy, ${engineshed_line##*/}"
    done
    engineshed_fail 66 "The engine ${engineshed_name:-that is active} has no command \"$engineshed_command\"" \
      "${engineshed_remedy:+These have it: ${engineshed_remedy#, }. }Name one with: $engineshed_command +ENGINE"
  elif ! [ -x "$engineshed_file" ]; then
    engineshed_problem="The engine $engineshed_name is not complete"
    engineshed_remedy="Repair it with: engineshed verify $engineshed_name --repair"
  else
    # For "engineshed gc --unused-for". What is no plain file is not ours.
    engineshed_line=$engineshed_home/engines/$engineshed_name/used
    if ! [ -h "$engineshed_line" ] && { [ -f "$engineshed_line" ] || ! [ -e "$engineshed_line" ]; }; then
      { true >"$engineshed_line"; } 2>/dev/null
    fi
    . "$engineshed_home/engines/$engineshed_name/$engineshed_id/env"
    ENGINESHED_HOME=$engineshed_home
    ENGINESHED_ENGINE=$engineshed_name@$engineshed_id
    export ENGINESHED_HOME ENGINESHED_ENGINE
    exec "$engineshed_file" "$@"
  fi
fi

if command -v engineshed >/dev/null 2>&1; then
  ENGINESHED_HOME=$engineshed_home
  export ENGINESHED_HOME
  exec engineshed exec "$engineshed_choice" "$engineshed_command" "$@"
fi
engineshed_fail 66 "$engineshed_problem" "${engineshed_remedy:-See why with: engineshed current --explain}"
SHIM
}

# --- Saying, failing, tools ---------------------------------------------------------------------------------------------------

nl='
'
tab='	'

say() { printf '%s\n' "engineshed: $*" >&2; }

# Ends with an exit status (those of the CLI: 64 usage, 65 data, 66 not found, 69 unavailable, 73 files, 77 permission) and a message.
fail() {
  fail_status=$1
  shift
  say "$*"
  exit "$fail_status"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Finds the programs that are needed, and says which are missing.
find_tools() {
  for tool in awk tar gzip od dd head tail tr sed find mkdir mv rm ln chmod cat ls sleep uname date touch sort cmp cut wc readlink grep cp rmdir; do
    have "$tool" || fail 69 "This needs the program $tool, which is not on the PATH."
  done
  if have sha256sum && have sha512sum; then hasher=coreutils
  elif have shasum; then hasher=shasum
  elif have openssl; then hasher=openssl
  else fail 69 'This needs sha256sum, shasum or openssl.'
  fi
  zstd=
  if have zstd; then zstd=yes; fi
  if have curl; then client=curl
  elif have wget; then
    case $(wget --version 2>&1 || :) in
      'GNU Wget 1.'*) client=wget ;;
      *[Bb]usy[Bb]ox*)
        client=busybox wget_timeout=
        case $(wget --help 2>&1 || :) in *'-T '*) wget_timeout='-T 60' ;; esac
        ;;
      *) fail 69 'This needs curl, GNU wget 1 or the wget of busybox; the wget here is another one.' ;;
    esac
  else fail 69 'This needs curl or wget.'
  fi
}

# Digests of files, one "HEX  NAME" per line, in order. $1 is 256 or 512.
digests() {
  digests_bits=$1
  shift
  case $hasher in
    coreutils) "sha${digests_bits}sum" "$@" ;;
    shasum) shasum -a "$digests_bits" "$@" ;;
    openssl) openssl dgst "-sha$digests_bits" -r "$@" ;;
  esac
}

# The digest of a file, in $digest. $1 is a digest with the wanted algorithm, $2 the file.
digest_of() {
  case $1 in
    sha512:*) digest_bits=512 ;;
    *) digest_bits=256 ;;
  esac
  # By its name some tools escape their answer.
  digest=$(digests "$digest_bits" <"$2") || fail 73 "$2 cannot be read."
  digest=sha$digest_bits:${digest%%[ *]*}
}

size_of() { size_of=$(wc -c <"$1"); size_of=$((size_of)); }

# Whether a JSON document has control characters that no JSON has, a NUL above all, which some awks do not see.
has_controls() { ! tr -d '\000-\010\013\014\016-\037' <"$1" | cmp -s - "$1"; }

random_hex() { od -An -N6 -tx1 /dev/urandom | tr -d ' \n'; }

# --- Locks: the same claims as the CLI makes (src/files/lock.ts) -----------------------------------------------------------------

# Who this process is, in $owner: PID-START-PLACE, as others judge by whether it lives.
find_owner() {
  owner_start=0
  process_start $$ && owner_start=$start
  place=$(uname -n)$nl
  if [ -r /proc/sys/kernel/random/boot_id ]; then place=$place$(cat /proc/sys/kernel/random/boot_id)$nl; fi
  place=$place$nl$(readlink /proc/self/ns/pid 2>/dev/null || :)
  owner_place=$(printf '%s' "$place" | digests 256) || fail 69 'This machine could not be named.'
  owner_place=$(printf '%.12s' "$owner_place")
  owner=$$-$owner_start-$owner_place
}

# When a process started, in the ticks of the kernel, in $start; fails where the system does not tell.
process_start() {
  start=
  { read -r process_stat </proc/"$1"/stat; } 2>/dev/null || return 1
  process_stat=${process_stat##*) }
  # shellcheck disable=SC2086
  set -- $process_stat
  [ $# -ge 20 ] && start=${20}
}

# Whether the owner in the name of a claim ($1 the file) lives. One of another machine or container lives while it gives signs.
is_alive() {
  alive_rest=${1##*/}
  alive_rest=${alive_rest#*.}
  alive_pid=${alive_rest%%-*}; alive_rest=${alive_rest#*-}
  alive_start=${alive_rest%%-*}; alive_rest=${alive_rest#*-}
  if [ "${alive_rest%%-*}" != "$owner_place" ]; then
    [ -n "$(find "$1" -mmin -2 2>/dev/null)" ]
    return
  fi
  if process_start "$alive_pid"; then [ "$start" = "$alive_start" ]; return; fi
  [ "$alive_start" = 0 ] || return 1
  kill -0 "$alive_pid" 2>/dev/null || ps -p "$alive_pid" >/dev/null 2>&1
}

# Takes the lock $1 in the mode $2, shared or exclusive. A claim is made first and the others are looked at second, so of two
# claimants at least one sees the other. What dead processes left is swept.
take_lock() {
  take_said=
  while :; do
    take_rank=$(random_hex)
    claim=$store/locks/$1/$2.$owner-$take_rank
    take_tries=0
    until mkdir -p "$store/locks/$1" && (set -C; : >"$claim") 2>/dev/null; do
      take_tries=$((take_tries + 1))
      [ "$take_tries" -lt 100 ] || fail 73 "$claim cannot be made."
    done
    claims="$claims$claim$nl"
    while :; do
      take_rivals=free
      for take_other in "$store/locks/$1"/*; do
        case ${take_other##*/} in
          "${claim##*/}") continue ;;
          exclusive.*) ;;
          shared.*) [ "$2" = exclusive ] || continue ;;
          *) continue ;;
        esac
        is_alive "$take_other" || { rm -f "$take_other"; continue; }
        take_rivals=busy
        # Of several that wait, the lowest stays, and the others step back.
        if (one=${take_other##*-} other=$take_rank; export one other; smaller); then take_rivals=behind; break; fi
      done
      [ "$take_rivals" != free ] || return 0
      [ -n "$take_said" ] || say "Waiting for another process, which holds \"$1\"."
      take_said=yes
      [ "$take_rivals" = busy ] || break
      pause
    done
    drop_claim "$claim"
    pause
  done
}

# Whether $one sorts before $other, both from the environment.
smaller() { awk 'BEGIN { exit !(ENVIRON["one"] "" < ENVIRON["other"] "") }'; }

# Some hundredths of a second where sleep can do that.
pause() { sleep 0.05 2>/dev/null || sleep 1; }

drop_claim() {
  rm -f "$1"
  rmdir "${1%/*}" 2>/dev/null || :
  claims_kept=
  while IFS= read -r claims_line; do
    if [ -n "$claims_line" ] && [ "$claims_line" != "$1" ]; then claims_kept=$claims_kept$claims_line$nl; fi
  done <<CLAIMS
$claims
CLAIMS
  claims=$claims_kept
}

# Gives the lock $1 back.
give_lock() {
  for give_claim in "$store/locks/$1/"*".$owner-"*; do
    if [ -e "$give_claim" ]; then drop_claim "$give_claim"; fi
  done
}

# While this process lives, its claims are touched: processes on other machines that share the store judge by that.
give_signs() {
  (
    exec >/dev/null 2>&1 </dev/null
    trap 'kill "$signs_sleep"; exit' TERM
    while :; do
      sleep 10 &
      signs_sleep=$!
      wait "$signs_sleep"
      kill -0 $$ || exit
      for signs_claim in "$store/locks/"*"/"*".$owner-"*; do
        [ ! -e "$signs_claim" ] || touch -c "$signs_claim"
      done
    done
  ) &
  signs_pid=$!
}

# --- Requests --------------------------------------------------------------------------------------------------------------------

# Sends one GET to $1 and follows no redirect: $2 file for the body, $3 its most bytes, $4 the value of Authorization or nothing,
# $5 the value of Accept. Sets $http_code, 000 where there was no answer, and $client_exit; the headers are in $work/headers.
# What must be secret goes to the client in a file that only the user can read.
exchange() {
  : >"$work/headers"
  : >"$work/log"
  rm -f "$work/exit"
  case $client in
    curl)
      {
        printf 'url = "%s"\nheader = "Accept: %s"\n' "$1" "$5"
        [ -z "$4" ] || cat <<HEADER
header = "Authorization: $4"
HEADER
      } >"$work/request"
      {
        curl -q -sS --globoff --proto '=http,https' -A engineshed.sh -K "$work/request" -D "$work/headers" --connect-timeout 30 \
          --speed-limit 1 --speed-time 60 -o - 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      ;;
    wget)
      {
        printf 'header = Accept: %s\nnetrc = off\nmax_redirect = 0\ntries = 1\ntimeout = 60\nuser_agent = engineshed.sh\n' "$5"
        [ -z "$4" ] || cat <<HEADER
header = Authorization: $4
HEADER
      } >"$work/request"
      printf '%s\n' "$1" >"$work/url"
      {
        WGETRC=$work/request wget -S --no-hsts -i "$work/url" -O - 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      sed -n 's/^  //p' "$work/log" >"$work/headers"
      ;;
    busybox)
      # It shows no challenge, and takes the headers of its command line along to wherever it is led: it gets no authorization.
      {
        # shellcheck disable=SC2086
        wget $wget_timeout -S -O - --header "Accept: $5" "$1" 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      sed -n 's/^  //p' "$work/log" >"$work/headers"
      ;;
  esac
  client_exit=0
  [ ! -f "$work/exit" ] || client_exit=$(cat "$work/exit")
  http_code=$(tr -d '\r' <"$work/headers" | awk '/^HTTP\// { code = $2 } END { print code ~ /^[1-5][0-9][0-9]$/ ? code : "000" }')
}

# The values of a header of the last answer, in lower case $1, one per line.
header() {
  tr -d '\r' <"$work/headers" | name=$1 awk '
    /^HTTP\// { count = 0; next }
    { at = index($0, ":"); if (at && tolower(substr($0, 1, at - 1)) == ENVIRON["name"]) { value = substr($0, at + 1); sub(/^[ \t]+/, "", value); sub(/[ \t]+$/, "", value); found[++count] = value } }
    END { for (i = 1; i <= count; i++) print found[i] }'
}

# GET with redirects followed, at most 8. Arguments as of exchange. At the first to another origin the authorization is dropped
# and does not come back; from https to http none is followed. $left_origin says whether another origin answered.
get() {
  get_url=$1 get_authorization=$4 get_left=8 left_origin=
  while :; do
    exchange "$get_url" "$2" "$3" "$get_authorization" "$5"
    case $http_code in 301 | 302 | 303 | 307 | 308) ;; *) return 0 ;; esac
    get_next=$(header location | head -n 1)
    [ -n "$get_next" ] || return 0
    case $get_next in
      http://* | https://*) ;;
      //*) get_next=${get_url%%//*}$get_next ;;
      /*) origin "$get_url"; get_next=$origin$get_next ;;
      *) get_next=${get_url%%\?*}; get_next=${get_next%/*}/$(header location | head -n 1) ;;
    esac
    check_url "$get_next"
    case $get_url-$get_next in https://*-http://*) fail 69 "$host leads from https to http, which is not followed." ;; esac
    origin "$get_url"; get_origin=$origin
    origin "$get_next"
    if [ "$origin" != "$get_origin" ]; then get_authorization= left_origin=yes; fi
    get_url=$get_next
    get_left=$((get_left - 1))
    [ "$get_left" -gt 0 ] || fail 69 "$host answered with more than 8 redirects."
  done
}

# Scheme, host and port of a URL, in $origin.
origin() {
  origin_scheme=${1%%://*}
  origin_host=${1#*://}
  origin_host=${origin_host%%[/?#]*}
  origin_host=$(printf '%s' "$origin_host" | tr 'A-Z' 'a-z')
  case $origin_host in
    *:[0-9]*) ;;
    *) if [ "$origin_scheme" = https ]; then origin_host=$origin_host:443; else origin_host=$origin_host:80; fi ;;
  esac
  origin=$origin_scheme://$origin_host
}

# Ends where a URL of a server has what no URL has, or a user name.
check_url() {
  case $1 in
    *[!!-~]* | *'"'* | *'\'* | *"'"* | *'<'* | *'>'*) fail 69 "$host leads to a malformed address." ;;
  esac
  check_host=${1#*://}
  case ${check_host%%[/?#]*} in
    *@* | '') fail 69 "$host leads to a malformed address." ;;
  esac
}

# GET from the registry, with its authorization, again where the network or the registry fails for a while. $1 the path below
# the repository, $2 file, $3 most bytes, $4 Accept, $5 the exact size of the body where that is known, else nothing.
# Ends where the answer is not 200; with 404 it returns 4.
fetch() {
  fetch_try=1 fetch_asked=
  while :; do
    get "$base/v2/$repository/$1" "$2" "$3" "$authorization" "$4"
    size_of "$2"
    case $http_code in
      200)
        if [ -z "$5" ] && [ "$client_exit" = 0 ]; then return 0; fi
        if [ -n "$5" ] && [ "$size_of" -eq "$5" ]; then return 0; fi
        if [ -n "$5" ] && [ "$size_of" -gt "$5" ]; then fail 65 "$host sent more than the $5 bytes of $repository/$1."; fi
        fetch_why='the connection broke off'
        ;;
      401)
        if [ -z "$left_origin" ] && [ -z "$fetch_asked" ]; then
          fetch_asked=yes
          authenticate
          continue
        fi
        fail 77 "$host does not let you read $repository.${login_hint:+ $login_hint}"
        ;;
      403) fail 77 "$host does not let you read $repository (403).${login_hint:+ $login_hint}" ;;
      404) return 4 ;;
      408 | 429 | 500 | 502 | 503 | 504) fetch_why="it answered $http_code" ;;
      000)
        case $(cat "$work/log") in
          *'certificate validation not implemented'*) ;;
          *[Cc]ertificate* | *SSL* | *TLS*) fail 69 "$host could not be reached safely: $(log_line)" ;;
        esac
        fetch_why="it did not answer: $(log_line)"
        ;;
      *) fail 69 "$host answered $http_code for $repository/$1." ;;
    esac
    [ "$fetch_try" -lt 5 ] || fail 69 "$host failed 5 times for $repository/$1: $fetch_why"
    wait_for_retry "$fetch_try"
    fetch_try=$((fetch_try + 1))
  done
}

# The last line that the client wrote, without control characters.
log_line() { tail -n 1 "$work/log" | tr -d '\000-\037\177' | cut -c 1-200; }

# Waits as long as the server asks for, at most a minute; else longer with each try.
wait_for_retry() {
  retry_seconds=$(header retry-after | head -n 1)
  case $retry_seconds in
    '' | *[!0-9]* | ????*) retry_seconds=$1 ;;
  esac
  [ "$retry_seconds" -le 60 ] || fail 69 "$host asks to wait $retry_seconds seconds. Try again later."
  sleep "$retry_seconds"
}

# Answers the challenge in $work/headers: sets $authorization. A login is shown only to the registry that it is for, and to a token
# service that belongs to it (src/registry/realm.ts).
authenticate() {
  [ "$client" != busybox ] || fail 69 "$host wants a token or a login, which the wget of busybox cannot be given safely. Install curl or GNU wget."
  challenge=$(header www-authenticate | awk "$AWK_CHALLENGE")
  case $challenge in
    bearer*)
      challenge=${challenge#*"$nl"}
      realm=${challenge%%"$nl"*}
      service=
      case $challenge in *"$nl"*) service=${challenge#*"$nl"} ;; esac
      check_url "$realm"
      case $realm in *\?*) realm_query=$realm\& ;; *) realm_query=$realm\? ;; esac
      [ -z "$service" ] || realm_query=${realm_query}service=$(task=escape text=$service subject=service awk "$AWK_JSON$AWK_TEXT" </dev/null)\&
      realm_query=${realm_query}scope=$(task=escape text="repository:$repository:pull" subject=scope awk "$AWK_JSON$AWK_TEXT" </dev/null)
      token_login=
      if [ -n "$login" ] && realm_belongs "$realm"; then token_login="Basic $login"; fi
      token_try=1
      while :; do
        get "$realm_query" "$work/token" 262144 "$token_login" 'application/json'
        case $http_code in
          200) break ;;
          401 | 403) fail 77 "The token service of $host refuses a token for $repository.${login_hint:+ $login_hint}" ;;
          000 | 429 | 5??) ;;
          *) fail 69 "The token service of $host answered $http_code." ;;
        esac
        [ "$token_try" -lt 5 ] || fail 69 "The token service of $host answers $http_code again and again."
        wait_for_retry "$token_try"
        token_try=$((token_try + 1))
      done
      if has_controls "$work/token"; then fail 69 "The token service of $host answered with what is no JSON."; fi
      authorization=$(task=token subject="the answer of the token service of $host" awk "$AWK_JSON$AWK_TEXT" <"$work/token") || exit 69
      authorization="Bearer $authorization"
      rm -f "$work/token"
      ;;
    basic)
      [ -n "$login" ] || fail 77 "$host wants a login. $login_hint"
      authorization="Basic $login"
      ;;
    *) fail 77 "$host wants a login of a kind that this script does not know." ;;
  esac
}

# Whether the login of the registry may be shown to a token service: over https, or on this machine as the registry is; at the
# same host, one above or below it, or one of the same organisation.
realm_belongs() {
  realm_host=${1#*://}
  realm_host=$(printf '%s' "${realm_host%%[/?#]*}" | tr 'A-Z' 'a-z')
  realm_name=${realm_host%:*}
  registry_name=${registry%:*}
  case $1 in
    https://*) ;;
    *) is_loopback "$realm_name" && is_loopback "$registry_name" || return 1 ;;
  esac
  if is_loopback "$realm_name" && ! is_loopback "$registry_name"; then return 1; fi
  [ "$realm_name" != "$registry_name" ] || return 0
  case $realm_name$registry_name in *\[*) return 1 ;; esac
  case $realm_name in *[!0-9.]*) ;; *) return 1 ;; esac
  case $registry_name in *[!0-9.]*) ;; *) return 1 ;; esac
  case $realm_name in *.*) ;; *) return 1 ;; esac
  case $registry_name in *.*) ;; *) return 1 ;; esac
  case $realm_name in *".$registry_name") return 0 ;; esac
  case $registry_name in *".$realm_name") return 0 ;; esac
  [ "$(organisation "$realm_name")" = "$(organisation "$registry_name")" ]
}

# The part of a name that an organisation registers: two labels, or three below such as co.uk.
organisation() {
  printf '%s\n' "$1" | awk -F . '{ take = NF > 2 && length($NF) == 2 && length($(NF - 1)) <= 3 ? 3 : 2; out = ""; for (i = NF - take + 1; i <= NF; i++) if (i > 0) out = out "." $i; print out }'
}

is_loopback() {
  case $1 in
    localhost | *.localhost | '[::1]' | ::1) return 0 ;;
    127.*) case $1 in *[!0-9.]* | *.*.*.*.*) return 1 ;; *.*.*.*) return 0 ;; esac ;;
  esac
  return 1
}

# --- Images: references, manifests, configs --------------------------------------------------------------------------------------

# Reads a reference, registry/repository[:tag][@digest], into $registry, $repository, $tag and $image_digest, and its text form into
# $reference.
parse_reference() {
  reference_rest=$1 tag= image_digest=
  case $1 in
    *://*) fail 64 "\"$1\" names no image: leave the scheme out." ;;
    oci:* | oci-archive:* | docker-archive:*) fail 64 "\"$1\" is no image in a registry; this script reads only those." ;;
    *[!A-Za-z0-9._:@/\[\]-]* | '') fail 64 "\"$1\" names no engine and no image." ;;
  esac
  case $reference_rest in *@*) image_digest=${reference_rest#*@} reference_rest=${reference_rest%%@*} ;; esac
  case ${reference_rest##*/} in *:*) tag=${reference_rest##*:} reference_rest=${reference_rest%:*} ;; esac
  case $reference_rest in
    */*) registry=${reference_rest%%/*} repository=${reference_rest#*/} ;;
    *) registry= repository=$reference_rest ;;
  esac
  case $registry in
    *[.:\[]* | localhost) ;;
    *) registry=docker.io repository=$reference_rest ;;
  esac
  registry=$(printf '%s' "$registry" | tr 'A-Z' 'a-z')
  case $registry in index.docker.io | registry-1.docker.io) registry=docker.io ;; esac
  case $registry-$repository in docker.io-*/*) ;; docker.io-*) repository=library/$repository ;; esac
  printf '%s\n' "$registry" | grep -Eq '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$' ||
    fail 64 "\"$1\" names no image: \"$registry\" is not a registry host."
  printf '%s\n' "$repository" | grep -Eq '^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$' ||
    fail 64 "\"$1\" names no image: \"$repository\" is not a repository."
  [ -z "$tag" ] || printf '%s\n' "$tag" | grep -Eq '^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$' || fail 64 "\"$1\" names no image: \"$tag\" is not a tag."
  [ -z "$image_digest" ] || is_digest "$image_digest" || fail 64 "\"$1\" names no image: \"$image_digest\" is not a digest."
  reference=$registry/$repository${tag:+:$tag}${image_digest:+@$image_digest}
}

is_digest() { printf '%s\n' "$1" | grep -Eq '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$'; }

# Chooses where $registry and $repository are asked: sets $host, $base, $login, and forgets the last authorization.
open_registry() {
  [ "$opened" != "$registry/$repository" ] || return 0
  opened=$registry/$repository
  authorization= login= login_hint='If it needs a login, set ENGINESHED_AUTH_REGISTRY, ENGINESHED_AUTH_USERNAME and ENGINESHED_AUTH_PASSWORD.'
  host=$registry
  [ "$registry" != docker.io ] || host=registry-1.docker.io
  case $registry/$repository/ in
    "$auth_registry"/*)
      login=$auth_login
      login_hint='The login is that of ENGINESHED_AUTH_USERNAME.'
      ;;
  esac
  base=https://$host
  if is_loopback "${registry%:*}"; then
    # As Docker does: what is on this machine may speak http.
    exchange "http://$host/v2/" "$work/probe" 65536 '' '*/*'
    case $http_code in 000 | 400) ;; *) base=http://$host ;; esac
  fi
}

# Gets a manifest by tag or digest ($1) into the file $2; sets $digest, $manifest_size and $manifest_type. $3 is its size where
# that is known.
get_manifest() {
  case $1 in
    *:*)
      if from_store "$1" "$3" "$2"; then digest=$1 manifest_type=; return; fi
      ;;
    *) require_certificates ;;
  esac
  fetch "manifests/$1" "$2" 4194305 "$accept" "$3" || fail 66 "There is no $registry/$repository with $1."
  size_of "$2"; manifest_size=$size_of
  [ "$manifest_size" -le 4194304 ] || fail 65 "The manifest $registry/$repository $1 has more than 4 MiB."
  manifest_type=$(header content-type | head -n 1)
  manifest_type=${manifest_type%%;*}
  manifest_type=${manifest_type%"${manifest_type##*[! ]}"}
  case $manifest_type in
    text/html) fail 69 "$host answered with a web page. Is there a proxy or a login page on the way?" ;;
    text/plain | application/json | application/octet-stream) manifest_type= ;;
  esac
  case $1 in
    *:*) digest_of "$1" "$2"; [ "$digest" = "$1" ] || fail 65 "The manifest $registry/$repository@$1 has another content: $digest." ;;
    *)
      digest_of sha256: "$2"
      manifest_stated=$(header docker-content-digest | head -n 1)
      case $manifest_stated in
        sha256:*) [ "$manifest_stated" = "$digest" ] || fail 65 "$host says that the manifest $repository:$1 is $manifest_stated, but it is $digest." ;;
      esac
      ;;
  esac
  keep_blob "$digest" "$2"
}

# The wget of some busyboxes does not look at certificates: what a tag stands for is not asked over it.
require_certificates() {
  [ "$client" = busybox ] || return 0
  case $base in https://*) ;; *) return 0 ;; esac
  exchange "$base/v2/" "$work/probe" 65536 '' '*/*'
  case $(cat "$work/log") in
    *'certificate validation not implemented'*)
      fail 69 "The wget here does not check certificates, so it cannot be asked what a tag stands for. Name the image by its digest, or install curl or GNU wget." ;;
  esac
}

# Copies what the store has of a digest into a file, if that is whole. $1 digest, $2 its size or nothing, $3 the file.
from_store() {
  from_file=$store/blobs/${1%%:*}/${1#*:}
  [ -f "$from_file" ] || return 1
  cat "$from_file" >"$3" || return 1
  digest_of "$1" "$3"
  size_of "$3"
  manifest_size=$size_of
  [ "$digest" = "$1" ] && { [ -z "$2" ] || [ "$size_of" -eq "$2" ]; }
}

# Remembers a manifest or config for the store: $1 digest, $2 the file.
keep_blob() {
  mkdir -p "$work/blobs/${1%%:*}"
  cp "$2" "$work/blobs/${1%%:*}/${1#*:}"
}

# Resolves an image to what a lock says of it, one line of JSON in the file $2. $1 is the reference as it is recorded; $registry and
# $repository are asked for $3, a tag or digest. $4 is the digest of the manifest that an index must lead to, where that is known.
resolve_image() {
  open_registry
  get_manifest "$3" "$work/manifest" ''
  resolved=$digest
  case $3 in *:*) ;; *) [ -z "$image_digest" ] || [ "$digest" = "$image_digest" ] || fail 65 "The tag of $1 stands for $digest." ;; esac
  manifest_digest=$digest manifest_length=$manifest_size manifest_descriptor= resolve_depth=0
  while :; do
    subject="the manifest $registry/$repository@$manifest_digest"
    if has_controls "$work/manifest"; then fail 65 "$subject is not acceptable: it is no JSON"; fi
    resolve_plan=$(zstd=$zstd media_type=$manifest_type wanted=$4 platform_os=$platform_os platform_architecture=$platform_architecture subject=$subject \
      awk "$AWK_JSON$AWK_PLATFORM$AWK_MANIFEST" <"$work/manifest") || exit 65
    case $resolve_plan in index*) ;; *) break ;; esac
    resolve_depth=$((resolve_depth + 1))
    [ "$resolve_depth" -le 3 ] || fail 65 "$1 has indexes more than 3 deep inside each other."
    manifest_descriptor=${resolve_plan#*"$nl"}
    # shellcheck disable=SC2046
    set -- "$1" "$2" "$3" "$4" $(printf '%s' "${resolve_plan%%"$nl"*}")
    manifest_digest=$6 manifest_length=$7
    get_manifest "$6" "$work/manifest" "$7"
    manifest_type=$8
  done
  resolve_config=${resolve_plan#*"$nl"config }
  resolve_config=${resolve_config%%"$nl"*}
  manifest_type=${resolve_plan#manifest }
  manifest_type=${manifest_type%%"$nl"*}
  [ -n "$manifest_descriptor" ] || manifest_descriptor="{\"digest\":\"$manifest_digest\",\"mediaType\":\"$manifest_type\",\"size\":$manifest_length}"
  # shellcheck disable=SC2086
  set -- "$1" "$2" $resolve_config
  get_config "$3" "$4"
  subject="the image $1"
  manifest=$work/manifest config=$work/config descriptor=$manifest_descriptor reference=$1 resolved=$resolved subject=$subject \
    awk "$AWK_JSON$AWK_SOURCE" </dev/null >"$2" || exit 65
}

# Gets the config of an image: $1 digest, $2 size.
get_config() {
  [ "$2" -le 8388608 ] || fail 65 "The config of $registry/$repository has more than 8 MiB."
  if ! from_store "$1" "$2" "$work/config"; then
    fetch "blobs/$1" "$work/config" $(($2 + 1)) '*/*' "$2" || fail 66 "$host does not have the config $1 of $repository."
    digest_of "$1" "$work/config"
    [ "$digest" = "$1" ] || fail 65 "The config $1 of $registry/$repository has another content: $digest."
    keep_blob "$1" "$work/config"
  fi
  if has_controls "$work/config"; then fail 65 "The config $1 of $registry/$repository is no JSON."; fi
}

# --- Layers and trees ------------------------------------------------------------------------------------------------------------

# Installs a layer where it does not stand. $1 source, $2 digest, $3 size, $4 media type, $5 diffID, $6 external links,
# $7 the descriptor as JSON.
install_layer() {
  layer_home=$store/layers/${5%%:*}/${5#*:}
  take_lock "layer-${5#*:}" exclusive
  if ! layer_stands "$layer_home"; then
    say "Fetching $1 ${2#*:} ($3 bytes)"
    made=$staging/layer-$(random_hex)
    mkdir -p "$made/$1" "$work/check"
    fetch_layer "$@"
    read_archive "$5"
    make_tree "$made/$1" "$6"
    record_layer "$@"
    chmod 00555 "$made/$1"
    mkdir -p "${layer_home%/*}"
    if [ -e "$layer_home" ] || [ -L "$layer_home" ]; then mv "$layer_home" "$staging/damaged-$(random_hex)"; fi
    mv "$made" "$layer_home" || fail 73 "$layer_home cannot be written."
    rm -rf "$work/check" "$work/blob" "$work/archive"
  fi
  give_lock "layer-${5#*:}"
}

# Whether a layer stands complete, as the CLI judges it: with its record and its files, and not known to be damaged.
layer_stands() {
  [ -f "$1/layer.json" ] && [ -f "$1/.inventory" ] && [ ! -L "$1" ] || return 1
  layer_name "$1"
  [ -n "$layer_name" ] && [ -d "$1/$layer_name" ] && [ ! -e "$1/.damaged-$layer_name" ]
}

# The name that the files of a layer were written under, in $layer_name.
layer_name() {
  layer_name=$(tr -d '\n' <"$1/layer.json" | sed -n 's/.*"name":"\([A-Za-z0-9._-]*\)".*/\1/p')
}

fetch_layer() {
  fetch "blobs/$2" "$work/blob" $(($3 + 1)) '*/*' "$3" || fail 66 "$host does not have the layer $2 of $repository."
  digest_of "$2" "$work/blob"
  [ "$digest" = "$2" ] || fail 65 "The layer $2 of $registry/$repository has another content: $digest."
  # Some shells count to 2^31 only.
  layer_limit=2147483646
  if [ $((2147483647 + 1)) -gt 0 ]; then layer_limit=34359738368; fi
  if [ "$3" -lt 268435 ]; then layer_limit=67108864
  elif [ "$3" -lt $((layer_limit / 250)) ]; then layer_limit=$(($3 * 250))
  fi
  case $4 in
    *gzip | *zstd)
      layer_program=gzip
      case $4 in *zstd) layer_program=zstd ;; esac
      rm -f "$work/exit"
      { "$layer_program" -dc <"$work/blob" 2>/dev/null || echo $? >"$work/exit"; } | head -c $((layer_limit + 1)) >"$work/archive"
      size_of "$work/archive"
      [ "$size_of" -le "$layer_limit" ] || fail 65 "The layer $2 grows to more than $layer_limit bytes."
      [ ! -f "$work/exit" ] || fail 65 "The layer $2 cannot be decompressed."
      rm -f "$work/blob"
      ;;
    *) mv "$work/blob" "$work/archive" ;;
  esac
  digest_of "$5" "$work/archive"
  [ "$digest" = "$5" ] || fail 65 "The layer $2 has the uncompressed digest $digest; the config says $5."
  subject="the layer $2"
}

# Lists the entries of $work/archive into $work/check/list, strictly. What is large is passed over by seeking.
read_archive() {
  read_block=0 read_entries=0
  : >"$work/check/list"
  while :; do
    { tail -c +$((read_block * 512 + 1)) "$work/archive" | od -An -v -tu1; } 2>/dev/null |
      first_block=$read_block entries=$read_entries subject=$subject awk "$AWK_JSON$AWK_TAR" >"$work/check/part" || exit 65
    read_last=$(tail -n 1 "$work/check/part")
    sed '$d' "$work/check/part" >>"$work/check/list"
    case $read_last in
      end) return ;;
      more*) ;;
      *) fail 65 "$subject could not be read." ;;
    esac
    read_last=${read_last#*"$tab"}
    read_block=${read_last%%"$tab"*} read_entries=${read_last#*"$tab"}
  done
}

# Writes the tree of $work/archive into the empty directory $1, and checks that exactly that stands there. Archives with anything
# that programs read differently (extended headers, whiteouts, directories without permissions) are not given to tar.
make_tree() {
  out=$work/check external=$2 subject=$subject awk "$AWK_JSON$AWK_PATHS$AWK_SHELL$AWK_LAYER" "$work/check/list" || exit 65
  read -r layer_entries layer_bytes layer_standing layer_method <"$work/check/summary"
  (
    cd "$1" || exit 73
    if [ "$layer_method" = hand ]; then . "$work/check/by-hand.sh"
    else umask 022; tar xof "$work/archive" || exit 73
    fi
  ) || fail 73 "$subject could not be written."
  (cd "$1" && chmod -R u+rwX . && find . ! -name . -type d) | sort >"$work/check/dirs-found"
  (cd "$1" && find . -type f) | sort >"$work/check/files-found"
  (cd "$1" && find . -type l) | sort >"$work/check/links-found"
  for make_kind in dirs files links; do
    sort "$work/check/$make_kind" | cmp -s - "$work/check/$make_kind-found" ||
      fail 73 "$subject was written otherwise than it is: this file system does not tell all of its names apart, or tar reads it otherwise."
  done
  make_found=$(cd "$1" && find . -type f -exec cat {} + | wc -c)
  [ $((make_found)) -eq "$layer_standing" ] || fail 73 "$subject was written with $((make_found)) bytes of $layer_standing."
  (cd "$1" && . "$work/check/modes.sh") || fail 73 "$subject could not be written."
}

# The content of a file of the archive: $1 its first block, $2 its bytes, $3 where it goes.
cut_out() {
  dd if="$work/archive" bs=512 skip="$1" count=$((($2 + 511) / 512)) 2>/dev/null | head -c "$2" >"$3"
}

hash_files() { digests 256 "$@"; }

# Writes the records of a layer: what the CLI compares its files with, and what it says of them.
record_layer() {
  (cd "$made/$1" && . "$work/check/hash.sh") >"$work/check/hashes" || fail 73 "$subject could not be read back."
  hashes=$work/check/hashes subject=$subject awk "$AWK_JSON$AWK_INVENTORY" "$work/check/entries" >"$made/.inventory" || exit 73
  chmod 444 "$made/.inventory"
  digest_of sha256: "$made/.inventory"
  record_hidden=$(cat "$work/check/hidden")
  bytes=$layer_bytes entries=$layer_entries descriptor=$7 diff_id=$5 inventory=$digest name=$1
  whiteouts=${record_hidden%%"$nl"*} opaques=${record_hidden#*"$nl"} sum=
  export bytes entries descriptor diff_id inventory name whiteouts opaques sum subject
  awk "$AWK_JSON$AWK_RECORD" </dev/null >"$work/check/record"
  digest_of sha256: "$work/check/record"
  sum=$digest
  awk "$AWK_JSON$AWK_RECORD" </dev/null >"$made/layer.json" && [ "$(tail -c 1 "$made/layer.json")" = '}' ] || fail 73 "$made/layer.json could not be written."
  unset bytes entries descriptor diff_id inventory name whiteouts opaques sum
}

# Makes the directory of a source where it does not stand: $1 its directory, then "DIFFID EXTERNAL" of each layer, lowest first.
install_tree() {
  tree_directory=$1
  shift
  [ -d "$tree_directory" ] && [ ! -e "${tree_directory%/*}/.damaged-${tree_directory##*/}" ] && return
  mkdir -p "$work/check"
  made=$staging/tree-$(random_hex)
  mkdir "$made"
  count=0 external=reject
  while [ $# -gt 0 ]; do
    tree_layer=$store/layers/${1%%:*}/${1#*:}
    [ "$2" != inert ] || external=inert
    layer_name "$tree_layer"
    count=$((count + 1))
    root=$tree_layer/$layer_name record=$tree_layer/layer.json inventory=$tree_layer/.inventory
    export "root_$count=$root" "record_$count=$record" "inventory_$count=$inventory"
    shift 2
  done
  out=$work/check count=$count external=$external subject="the image of ${tree_directory##*/}" \
    awk "$AWK_JSON$AWK_PATHS$AWK_SHELL$AWK_COMPOSE" </dev/null || exit 65
  (cd "$made" && . "$work/check/link.sh") || fail 73 "$tree_directory could not be written."
  tree_home=${tree_directory%/*}
  mkdir -p "$tree_home"
  take_lock "tree-${tree_home##*/}" exclusive
  if [ -e "$tree_directory" ] && [ -e "$tree_home/.damaged-${tree_directory##*/}" ]; then
    chmod 755 "$tree_directory"
    mv "$tree_directory" "$staging/damaged-$(random_hex)"
  fi
  if [ ! -e "$tree_directory" ]; then
    mv "$made" "$tree_directory" || fail 73 "$tree_directory cannot be written."
    chmod 00555 "$tree_directory"
    rm -f "$tree_home/.damaged-${tree_directory##*/}"
  fi
  give_lock "tree-${tree_home##*/}"
}

# Links files into the directory $1, or copies them where links cannot be.
link_files() {
  link_directory=$1
  shift
  ln "$@" "$link_directory/" 2>/dev/null || cp -p "$@" "$link_directory/"
}

# --- The store, states of engines, names -----------------------------------------------------------------------------------------

# Makes the store where there is none, claims it so that nothing is collected meanwhile, and makes the directories to work in.
open_store() {
  refuse_controls
  mkdir -p "$store" || fail 73 "$store cannot be made."
  store=$(cd "$store" && pwd) || fail 73 "$store cannot be entered."
  refuse_controls
  if [ -f "$store/store.json" ]; then
    case $(cat "$store/store.json") in
      '{"version":1}') ;;
      *) fail 73 "$store is a store of another version, or damaged. This script knows version 1." ;;
    esac
  else
    for open_other in "$store"/*; do
      case ${open_other##*/} in
        '*' | engines | layers | trees | blobs | history | locks | partial | staging | lost+found) ;;
        *) fail 73 "$store is not empty and not an Engineshed store. Set ENGINESHED_HOME to a new or empty directory." ;;
      esac
    done
  fi
  for open_own in engines layers trees blobs history locks partial staging; do
    if [ -L "$store/$open_own" ]; then fail 73 "$store/$open_own is a link, and no directory that Engineshed made."; fi
    [ -d "$store/$open_own" ] || mkdir "$store/$open_own" 2>/dev/null || [ -d "$store/$open_own" ] || fail 73 "$store/$open_own cannot be made."
  done
  find_owner
  take_lock store shared
  give_signs
  sweep_staging
  staging=$store/staging/$owner-$(random_hex)
  (umask 077 && mkdir "$staging") || fail 73 "$staging cannot be made."
  work=$staging/work
  mkdir "$work"
  find_way_to_move
  if [ ! -f "$store/store.json" ]; then
    printf '{"version":1}' >"$staging/store.json" && mv -f "$staging/store.json" "$store/store.json" || fail 73 "$store cannot be written."
  fi
}

refuse_controls() {
  case $store in *[[:cntrl:]]*) fail 64 'The path of the store has control characters.' ;; esac
}

# Removes what dead processes were making. A living one holds a claim on the store; the directories are listed before those.
sweep_staging() {
  for sweep_directory in "$store/staging"/*; do
    [ -d "$sweep_directory" ] || continue
    sweep_owner=${sweep_directory##*/}
    sweep_owner=${sweep_owner%-*}
    sweep_lives=
    for sweep_claim in "$store/locks/store/"*".$sweep_owner-"*; do
      if [ -e "$sweep_claim" ] && is_alive "$sweep_claim"; then sweep_lives=yes; fi
    done
    [ -n "$sweep_lives" ] || remove_tree "$sweep_directory"
  done
}

remove_tree() {
  # Directories of layers are read-only. The files of a tree are those of its layers: their modes stay.
  find "$1" -type d ! -perm -500 -exec chmod u+rwx {} \; 2>/dev/null
  find "$1" -type d ! -perm -200 -exec chmod u+w {} + 2>/dev/null
  rm -rf "$1" 2>/dev/null
}

# How "mv" replaces a link to a directory here, and does not move into that directory: -T, or -h of BSD and macOS.
find_way_to_move() {
  mkdir "$work/probe-directory"
  for move_flag in -fT -fh; do
    ln -s probe-directory "$work/probe-link"
    ln -s other "$work/probe-new"
    if mv "$move_flag" "$work/probe-new" "$work/probe-link" 2>/dev/null && [ "$(readlink "$work/probe-link")" = other ]; then
      rm -f "$work/probe-link"
      return
    fi
    rm -f "$work/probe-link" "$work/probe-new" "$work/probe-directory/probe-new"
  done
  move_flag=
}

# Lets the link $2 lead to $1, in one step.
replace_link() {
  if [ -e "$2" ] && [ ! -L "$2" ]; then fail 73 "$2 is in the way: it is no link."; fi
  replace_new=$staging/link-$(random_hex)
  ln -s "$1" "$replace_new" || fail 73 "$replace_new cannot be made."
  if [ ! -L "$2" ]; then mv "$replace_new" "$2" || fail 73 "$2 cannot be made."
  elif [ "$(readlink "$2")" = "$1" ]; then rm -f "$replace_new"
  elif [ -n "$move_flag" ]; then mv "$move_flag" "$replace_new" "$2" || fail 73 "$2 cannot be replaced."
  else fail 69 "The program mv here cannot replace $2 in one step."
  fi
}

# Installs the state of the lock in $work/lock, whose layers stand, and lets the name lead to it. Sets $state.
install_state() {
  state_home=$store/engines/$engine
  state=$state_home/$engine_id
  take_lock "engine-$engine" exclusive
  for state_other in "$store/engines"/*; do
    state_other=${state_other##*/}
    if [ "$state_other" != "$engine" ] && [ "$(lower "$state_other")" = "$(lower "$engine")" ] && [ -e "$state_home" ]; then
      [ "$(ls "$store/engines" | grep -cx "$engine")" = 1 ] || fail 64 "The file system does not tell $engine from $state_other, which is installed."
    fi
  done
  for state_link in "$state_home/links"/*; do
    [ ! -L "$state_link" ] || fail 73 "$engine is linked to a working copy on this machine. Install it with the engineshed command, or unlink it first."
  done
  if [ ! -f "$state/engine.json" ]; then
    write_state
    mkdir -p "$state_home"
    if [ -e "$state" ]; then mv "$state" "$staging/damaged-$(random_hex)"; fi
    mv "$made" "$state" || fail 73 "$state cannot be written."
  fi
  replace_link "$engine_id" "$state_home/active"
  give_lock "engine-$engine"
}

lower() { printf '%s' "$1" | tr 'A-Z' 'a-z'; }

# Writes a state into $made, from $work/lock, $work/lock-plan and the directories of its sources.
write_state() {
  made=$staging/engine-$(random_hex)
  mkdir "$made" "$made/parts" "$made/sources" || fail 73 "$made cannot be made."
  : >"$work/directories"
  while IFS=' ' read -r state_kind state_name state_source state_path; do
    case $state_kind in
      source)
        source_directory "$state_name"
        printf 'source %s %s\n' "$state_name" "$source_directory" >>"$work/directories"
        ln -s "$source_directory" "$made/sources/$state_name"
        ;;
      part)
        source_directory "$state_source"
        part_directory "$state_name" "$source_directory" "$state_path"
        printf 'part %s %s\n' "$state_name" "$part_directory" >>"$work/directories"
        ln -s "$part_directory" "$made/parts/$state_name"
        ;;
      command)
        if [ -L "$made/parts/$state_source" ]; then
          command_file "$state_name" "$state_source" "$state_path"
          printf 'command %s %s\n' "$state_name" "$command_file" >>"$work/directories"
          mkdir -p "$made/bin" && ln -s "$command_file" "$made/bin/$state_name"
        fi
        ;;
    esac || fail 73 "$made cannot be written."
  done <"$work/lock-plan"
  task=engine id=$engine_id installed=$(date -u +%Y-%m-%dT%H:%M:%SZ) platform=$platform_node directories=$work/directories \
    env=$made/env commands=$made/.commands subject="the lock of $engine" awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/lock" >"$made/engine.json" || exit 73
  cat "$work/lock" >"$made/lock.json" && digest_of sha256: "$work/lock" && printf '%s' "$digest" >"$made/.lock-sum" &&
    { [ ! -f "$made/.commands" ] || mkdir -p "$made/bin"; } && cmp -s "$work/lock" "$made/lock.json" && [ "$(tail -n 1 "$made/engine.json")" = '}' ] || fail 73 "$made cannot be written."
}

# The real path of a part, which must lie in its source, in $part_directory. $1 type, $2 directory of the source, $3 path.
part_directory() {
  part_root=$(cd -P "$2" && pwd -P) || fail 73 "$2 cannot be entered."
  if [ -d "$2/$3" ]; then part_directory=$(cd -P "$2/$3" && pwd -P)
  elif [ -f "$2/$3" ] && [ ! -L "$2/$3" ]; then part_directory=$(cd -P "$2/${3%/*}" && pwd -P)/${3##*/}
  else fail 66 "The part $1 of $engine should be \"$3\" in its source, which has no such path."
  fi
  case $part_directory/ in
    "$part_root"/*) ;;
    *) fail 65 "The part $1 of $engine leads out of its source." ;;
  esac
}

# The real path of the file of a command, which must lie in the source of its part, in $command_file. $1 command, $2 part, $3 path.
command_file() {
  command_at=$(readlink "$made/parts/$2")/$3
  command_left=40
  while [ -L "$command_at" ] && [ "$command_left" -gt 0 ]; do
    command_link=$(readlink "$command_at")
    case $command_link in
      /*) command_at=$command_link ;;
      *) command_at=${command_at%/*}/$command_link ;;
    esac
    command_left=$((command_left - 1))
  done
  if [ ! -f "$command_at" ] || [ -L "$command_at" ]; then fail 66 "The command $1 of $engine should be \"$3\" in its part $2, which has no such file."; fi
  command_file=$(cd -P "${command_at%/*}" && pwd -P)/${command_at##*/}
  source_directory "$(part=$2 awk '$1 == "part" && $2 == ENVIRON["part"] { print $3; exit }' "$work/lock-plan")"
  case $command_file in
    "$(cd -P "$source_directory" && pwd -P)"/*) ;;
    *) fail 65 "The command $1 of $engine leads out of its source." ;;
  esac
  [ -x "$command_file" ] || fail 66 "The command $1 of $engine should be \"$3\" in its part $2, which is not executable."
}

# Ends where something that Engineshed did not make is in the place of a shim.
check_shims() {
  if [ -L "$store/shims" ]; then fail 73 "$store/shims is a link, and no directory that Engineshed made."; fi
  while IFS=' ' read -r shim_kind shim_name _; do
    [ "$shim_kind" = command ] || continue
    [ ! -e "$store/shims/$shim_name" ] && [ ! -L "$store/shims/$shim_name" ] || is_shim "$store/shims/$shim_name" ||
      fail 73 "$store/shims/$shim_name is in the way: it is no shim."
  done <"$work/lock-plan"
}

is_shim() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(head -n 2 "$1")" = "$(print_shim | head -n 2)" ]
}

# Gives each command its shim. The program takes away those of commands that there are no more.
settle_shims() {
  grep -q '^command ' "$work/lock-plan" || return 0
  print_shim | store=$(cd -P "$store" && pwd -P) awk "$AWK_SHELL$AWK_SHIM" >"$work/shim" || fail 73 "$work/shim cannot be written."
  take_lock shims exclusive
  mkdir -p "$store/shims" || fail 73 "$store/shims cannot be made."
  while IFS=' ' read -r shim_kind shim_name _; do
    [ "$shim_kind" = command ] || continue
    if cmp -s "$work/shim" "$store/shims/$shim_name" && [ -x "$store/shims/$shim_name" ]; then continue; fi
    cp "$work/shim" "$staging/shim" && chmod 755 "$staging/shim" && mv -f "$staging/shim" "$store/shims/$shim_name" ||
      fail 73 "$store/shims/$shim_name cannot be written."
  done <"$work/lock-plan"
  give_lock shims
}

# The directory of a source, in $source_directory: of its only layer, or of its tree. Sets $source_layers too.
source_directory() {
  source_layers= source_count=0 source_chain=
  while IFS=' ' read -r source_kind source_name _ _ _ source_diff source_external _; do
    [ "$source_kind" = layer ] && [ "$source_name" = "$1" ] || continue
    source_count=$((source_count + 1))
    source_layers="$source_layers $source_diff $source_external"
    if [ -z "$source_chain" ]; then source_chain=$source_diff
    else
      printf '%s %s' "$source_chain" "$source_diff" >"$work/chain"
      digest_of sha256: "$work/chain"
      source_chain=$digest
    fi
  done <"$work/lock-plan"
  case $source_count in
    0) source_directory=$store/trees/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/$1 ;;
    1) source_directory=$store/layers/${source_chain%%:*}/${source_chain#*:}/$1 ;;
    *) source_directory=$store/trees/${source_chain%%:*}/${source_chain#*:}/$1 ;;
  esac
}

# Puts manifests and configs into the store.
install_blobs() {
  for blob in "$work/blobs"/*/*; do
    [ -f "$blob" ] || continue
    blob_home=$store/blobs/${blob#"$work/blobs/"}
    [ ! -f "$blob_home" ] || continue
    mkdir -p "${blob_home%/*}"
    chmod 444 "$blob" && mv -f "$blob" "$blob_home" || fail 73 "$blob_home cannot be written."
  done
}

# Makes the engine the active one where that is asked for, or where none is.
select_engine() {
  take_lock selection exclusive
  if [ -n "$wants_use" ] || [ ! -L "$store/current" ]; then
    replace_link "engines/$engine/active" "$store/current"
  fi
  give_lock selection
}

# Records in the history what the names stand for now, unless that is where it is: also for what a killed install could not record.
# It is a convenience: where it cannot be written, nothing else fails.
record_history() {
  take_lock history exclusive
  history_last=$(ls "$store/history" | sed -n 's/^\([1-9][0-9]*\)\.json$/\1/p' | sort -n | tail -n 1)
  history_number=$((${history_last:-0} + 1))
  history_active=null
  case $(readlink "$store/current" 2>/dev/null || :) in
    engines/*/active)
      history_active=$(readlink "$store/current")
      history_active=${history_active#engines/}
      history_active=\"${history_active%/active}\"
      ;;
  esac
  history_engines=
  for history_engine in "$store/engines"/*; do
    [ -L "$history_engine/active" ] || continue
    history_engines=$history_engines${history_engines:+,}\"${history_engine##*/}\":\"$(readlink "$history_engine/active")\"
  done
  history_now="\"active\":$history_active,\"engines\":{$history_engines}}"
  history_position=$(cat "$store/history/position" 2>/dev/null || :)
  case $(cat "$store/history/$history_position.json" 2>/dev/null || :) in
    *",$history_now") give_lock history; return ;;
  esac
  printf '{"number":%d,"time":"%s","change":"install %s",%s' \
    "$history_number" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$engine" "$history_now" >"$staging/generation" &&
    mv -f "$staging/generation" "$store/history/$history_number.json" &&
    printf '%d' "$history_number" >"$staging/position" && mv -f "$staging/position" "$store/history/position" ||
    say 'The history could not be written.'
  give_lock history
}

# --- The command -----------------------------------------------------------------------------------------------------------------

usage() {
  cat <<'USAGE'
Usage: engineshed.sh [options] ENGINE | IMAGE
       engineshed.sh [options] --lock FILE

Installs an engine of hamlet (train, tram, tram-YYYYMMDD, unicycle, X.Y.Z), an image by its reference, or what an engineshed.lock
says, into the store of Engineshed, without Node. Prints the directory of what is installed; source the file "env" in it.

  --lock FILE        install exactly what this engineshed.lock says
  --name NAME        call an image by this name; else it is named after its repository and tag
  --mirror HOST[/PATH]
                     ask this registry in the place of ghcr.io/hamlet-io
  --use              make it the active engine; the first one becomes that by itself
  --help             show this

Environment: ENGINESHED_HOME is the store. ENGINESHED_AUTH_REGISTRY, ENGINESHED_AUTH_USERNAME and ENGINESHED_AUTH_PASSWORD are a
login for one registry. HTTPS_PROXY and the like are those of curl or wget.
USAGE
}

main() {
  # As a caller's SHELLOPTS may have it.
  set -u +C +e +f
  open_streams
  export LC_ALL=C
  # The login goes out of the environment first, so that no program that is started has it.
  auth_registry=${ENGINESHED_AUTH_REGISTRY:-} auth_username=${ENGINESHED_AUTH_USERNAME:-} auth_password=${ENGINESHED_AUTH_PASSWORD:-}
  unset ENGINESHED_AUTH_REGISTRY ENGINESHED_AUTH_USERNAME ENGINESHED_AUTH_PASSWORD DOCKER_AUTH_CONFIG
  unset TAR_OPTIONS GZIP GREP_OPTIONS POSIXLY_CORRECT CDPATH ENV BASH_ENV
  COPYFILE_DISABLE=1
  export COPYFILE_DISABLE
  IFS=" $tab$nl"
  umask 022
  wants_use= wants_name= mirror= lock_file= asked= claims= staging= signs_pid= opened=
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage; exit 0 ;;
      --use) wants_use=yes ;;
      --lock | --name | --mirror)
        [ $# -ge 2 ] || fail 64 "$1 needs a value. See --help."
        case $1 in --lock) lock_file=$2 ;; --name) wants_name=$2 ;; *) mirror=${2%/} ;; esac
        shift
        ;;
      -*) fail 64 "There is no option $1. See --help." ;;
      *) [ -z "$asked" ] || fail 64 'Only one engine can be named. See --help.'; asked=$1 ;;
    esac
    shift
  done
  if [ -n "$lock_file" ]; then
    [ -z "$asked$wants_name" ] || fail 64 'A lock file says which engine it is of: name no engine beside it.'
    [ -f "$lock_file" ] || fail 66 "There is no file $lock_file."
    case $lock_file in /*) ;; *) lock_file=$(pwd)/$lock_file ;; esac
  elif [ -z "$asked" ]; then usage >&2; exit 64
  fi
  accept='application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json'
  find_tools
  find_platform
  find_store
  read_login
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  open_store
  define_engine
  install_engine
}

# Whoever closed a standard stream wants none of it: else the next file that is opened, one of the store, would be that stream.
open_streams() {
  # Of a stream itself some shells make no copy, and what ":" cannot open ends others.
  (: 7>&2) || exec 2>/dev/null
  (: 7<&0) 2>/dev/null || exec </dev/null
  (: 7>&1) 2>/dev/null || exec >/dev/null
}

# The platform in the words of Go ($platform_os, $platform_architecture) and of Node ($platform_node).
find_platform() {
  platform_os=$(uname -s | tr 'A-Z' 'a-z')
  case $platform_os in mingw* | msys* | cygwin*) fail 69 'This script does not run on Windows. Use the engineshed command.' ;; esac
  platform_node=$platform_os
  platform_architecture=$(uname -m)
  case $platform_architecture in
    x86_64 | amd64) platform_architecture=amd64 ;;
    aarch64 | arm64) platform_architecture=arm64 ;;
    i?86) platform_architecture=386 ;;
    arm*) platform_architecture=arm ;;
  esac
}

find_store() {
  store=${ENGINESHED_HOME:-}
  if [ -z "$store" ]; then
    case ${XDG_DATA_HOME:-} in
      /*) store=$XDG_DATA_HOME/engineshed ;;
      *)
        case ${HOME:-} in /*) ;; *) fail 64 'HOME must be set to an absolute path, or ENGINESHED_HOME.' ;; esac
        store=$HOME/.local/share/engineshed
        ;;
    esac
  fi
  case $store in /*) ;; *) fail 64 'ENGINESHED_HOME must be an absolute path.' ;; esac
  refuse_sudo
}

# Refuses to make in the store of an ordinary user, as root by sudo, what that user could not change.
refuse_sudo() {
  if [ "${SUDO_UID:-0}" = 0 ] || [ "$(id -u 2>/dev/null)" != 0 ]; then return; fi
  sudo_nearest=$store
  until [ -d "$sudo_nearest" ] || [ -z "$sudo_nearest" ]; do sudo_nearest=${sudo_nearest%/*}; done
  sudo_owner=$(ls -Ldn -- "${sudo_nearest:-/}" | sed -n '1s/^[^ ]* *[^ ]* *\([0-9]*\).*/\1/p')
  [ "$sudo_owner" = 0 ] ||
    fail 77 "The store $store is for another user, who could not change what root makes in it. Run this without sudo, or with \"sudo -H\"."
}

# Makes of the login what is sent, in $auth_login.
read_login() {
  auth_login=
  case ${auth_registry:+1}${auth_username:+1}${auth_password:+1} in
    '') auth_registry=/ ; return ;;
    111) ;;
    *) fail 64 'Set all three of ENGINESHED_AUTH_REGISTRY, ENGINESHED_AUTH_USERNAME and ENGINESHED_AUTH_PASSWORD, or none.' ;;
  esac
  case $auth_username in *:*) fail 64 'ENGINESHED_AUTH_USERNAME has a ":", which no user name can have.' ;; esac
  case $auth_registry in *[!A-Za-z0-9._:/\[\]-]* | *://*) fail 64 'ENGINESHED_AUTH_REGISTRY is no HOST[:PORT][/PATH].' ;; esac
  auth_registry=$(lower "${auth_registry%/}")
  case $auth_registry in index.docker.io | registry-1.docker.io) auth_registry=docker.io ;; esac
  auth_login=$(od -An -v -tu1 <<LOGIN | subject=login task=base64 awk "$AWK_JSON$AWK_TEXT"
$auth_username:$auth_password
LOGIN
  ) || exit 69
  unset auth_password
}

clean_up() {
  clean_status=$?
  trap '' HUP INT TERM
  trap - EXIT
  [ -z "$staging" ] || remove_tree "$staging"
  [ -z "$signs_pid" ] || kill "$signs_pid" 2>/dev/null
  while IFS= read -r clean_claim; do
    [ -z "$clean_claim" ] || { rm -f "$clean_claim"; rmdir "${clean_claim%/*}" 2>/dev/null; }
  done <<CLAIMS
$claims
CLAIMS
  exit "$clean_status"
}

# Writes the lock of what is to be installed to $work/lock, resolved, in canonical form.
define_engine() {
  if [ -n "$lock_file" ]; then
    subject="the lock file $lock_file"
    if has_controls "$lock_file"; then fail 65 "$subject is no JSON."; fi
    subject=$subject task=file head=$work/lock-head file=$lock_file platform_os=$platform_os platform_architecture=$platform_architecture \
      awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$lock_file" >"$work/lock" || exit 65
    check_lock_images
    return
  fi
  definition=
  case $asked in *[/:@]*) ;; *) definition=$(printf '%s\n' "$CATALOG" | wanted=$asked subject=catalog awk "$AWK_JSON$AWK_DEFINITION") ;; esac
  catalog=hamlet
  if [ -z "$definition" ]; then
    case $asked in
      *[/:@]*) ;;
      *) fail 66 "There is no engine \"$asked\". There are: $(printf '%s\n' "$CATALOG" | sed -n 's/^engine \([^ ]*\) .*/\1/p' | tr '\n' ' ')" ;;
    esac
    define_image
  elif [ -n "$wants_name" ]; then fail 64 "$asked has a name already; --name is for images."
  fi
  definition_sources=
  while IFS=' ' read -r definition_key definition_name definition_rest; do
    case $definition_key in
      name) engine=$definition_name ;;
      kind) engine_kind=$definition_name ;;
      source)
        parse_reference "$definition_rest"
        through_mirror
        say "Resolving $reference"
        resolve_image "$reference" "$work/source" "${image_digest:-${tag:-latest}}" ''
        definition_sources="$definition_sources${definition_sources:+,}\"$definition_name\":$(cat "$work/source")"
        ;;
    esac
  done <<DEFINITION
$definition
DEFINITION
  definition_line description; engine_description=$line
  definition_line parts; engine_parts=$line
  definition_line environment; engine_environment=$line
  definition_line requires; engine_requires=${line:+"\"requires\":$line,"}
  engine_description=$(text=$engine_description subject=description awk "$AWK_JSON BEGIN { printf \"%s\", quote(ENVIRON[\"text\"]) }" </dev/null)
  cat >"$work/definition" <<LOCK
{"catalog":"$catalog","description":$engine_description,"environment":$engine_environment,"kind":"$engine_kind","name":"$engine","parts":$engine_parts,$engine_requires"sources":{$definition_sources}}
LOCK
  subject="the engine $engine" task=text awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/definition" >"$work/lock" || exit 65
}

# The rest of a line of the definition, in $line.
definition_line() {
  line=$(printf '%s\n' "$definition" | sed -n "s/^$1 //p")
}

# The definition of an engine that is an image: with the parts of the engine of the catalog that lies in the same repository, or as one
# part.
define_image() {
  parse_reference "$asked"
  catalog=REF
  component=$(safe_name "${repository##*/}")
  definition=$(printf '%s\n' "$CATALOG" | registry=$registry repository=$repository tag=$tag wanted='' subject=catalog awk "$AWK_JSON$AWK_DEFINITION")
  if [ -n "$definition" ]; then
    component=$(printf '%s\n' "$definition" | sed -n 's/^source \([^ ]*\) .*/\1/p')
    definition_line parts; image_parts=$line
    definition_line environment; image_environment=$line
    definition_line requires; image_requires=${line:+${nl}requires $line}
  else
    image_parts="[{\"path\":\".\",\"source\":\"$component\",\"type\":\"$component\"}]" image_environment='[]' image_requires=
  fi
  if [ -n "$wants_name" ]; then image_name=$wants_name
  else
    image_version=$tag
    [ -n "$image_version" ] || image_version=$(printf '%.12s' "${image_digest#*:}")
    image_name=$(safe_name "$(printf '%s' "$repository" | tr / -)-${image_version:-latest}")
    if [ ${#image_name} -gt 128 ]; then
      printf '%s' "$reference" >"$work/reference"
      digest_of sha256: "$work/reference"
      image_name=$(printf '%.115s' "$image_name")-$(printf '%.12s' "${digest#*:}")
    fi
  fi
  case $image_name in [A-Za-z0-9]*) ;; *) fail 64 "\"$image_name\" is no name of an engine." ;; esac
  case $image_name in *[!A-Za-z0-9._-]*) fail 64 "\"$image_name\" is no name of an engine." ;; esac
  definition="name $image_name${nl}kind custom${nl}description The image $reference${nl}source $component $reference${nl}parts $image_parts${nl}environment $image_environment$image_requires"
}

# What of a text can be a name.
safe_name() { printf '%s\n' "$1" | sed 's/[^A-Za-z0-9._-]/-/g; s/^[^A-Za-z0-9]*//; s/^$/component/'; }

# Asks the mirror for what is below the place of the catalog.
through_mirror() {
  [ -n "$mirror" ] || return 0
  case $registry/$repository in
    ghcr.io/hamlet-io/*)
      mirror_reference=$reference mirror_digest=$image_digest mirror_tag=$tag
      parse_reference "$mirror/${repository#hamlet-io/}"
      reference=$mirror_reference image_digest=$mirror_digest tag=$mirror_tag
      ;;
  esac
}

# Holds a lock file against the images that it names: it must say of them what they are.
check_lock_images() {
  subject="the lock file $lock_file" task=plan awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/lock" >"$work/lock-plan" || exit 65
  while IFS=' ' read -r check_kind check_name check_reference check_resolved check_manifest _; do
    [ "$check_kind" = source ] || continue
    parse_reference "$check_reference"
    through_mirror
    resolve_image "$check_reference" "$work/source" "$check_resolved" "$check_manifest"
    grep -F -x -q -- "json $check_name $(cat "$work/source")" "$work/lock-plan" ||
      fail 65 "What the lock file says of the source $check_name is not what $check_reference is."
  done <"$work/lock-plan"
}

# Installs what $work/lock says.
install_engine() {
  subject='the lock' task=plan platform=$platform_node awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/lock" >"$work/lock-plan" || exit 65
  check_shims
  subject='the lock' task=id awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/lock" >"$work/lock-id" || exit 65
  digest_of sha256: "$work/lock-id"
  engine_id=$(printf '%.16s' "${digest#sha256:}")
  engine=$(sed -n 's/.*"name":"\([A-Za-z0-9._-]*\)","parts":.*/\1/p' "$work/lock-id")
  if [ -n "$lock_file" ] && [ "$engine $engine_id" != "$(cat "$work/lock-head")" ]; then
    fail 65 "The lock file $lock_file calls itself $(cat "$work/lock-head"), but it is of $engine $engine_id."
  fi
  while IFS=' ' read -r plan_kind plan_name plan_one plan_two plan_three plan_four plan_five plan_rest; do
    case $plan_kind in
      source)
        parse_reference "$plan_one"
        through_mirror
        open_registry
        ;;
      layer) install_layer "$plan_name" "$plan_one" "$plan_two" "$plan_three" "$plan_four" "$plan_five" "$plan_rest" ;;
    esac
  done <"$work/lock-plan"
  while IFS=' ' read -r plan_kind plan_name plan_rest; do
    [ "$plan_kind" = source ] || continue
    source_directory "$plan_name"
    # shellcheck disable=SC2086
    install_tree "$source_directory" $source_layers
  done <"$work/lock-plan"
  install_blobs
  install_state
  select_engine
  settle_shims
  record_history
  say "$engine is installed: $engine_id"
  printf '%s\n' "$state"
}

main "$@" </dev/null
exit
}
