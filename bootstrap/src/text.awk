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
