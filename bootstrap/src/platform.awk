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
