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
