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
