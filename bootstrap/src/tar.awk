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
