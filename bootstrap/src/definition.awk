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
