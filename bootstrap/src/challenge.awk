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
