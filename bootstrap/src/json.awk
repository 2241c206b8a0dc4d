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
