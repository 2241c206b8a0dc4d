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
