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
