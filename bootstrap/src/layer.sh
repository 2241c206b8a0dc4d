# --- Layers and trees ------------------------------------------------------------------------------------------------------------

# Installs a layer where it does not stand. $1 source, $2 digest, $3 size, $4 media type, $5 diffID, $6 external links,
# $7 the descriptor as JSON.
install_layer() {
  layer_home=$store/layers/${5%%:*}/${5#*:}
  take_lock "layer-${5#*:}" exclusive
  if ! layer_stands "$layer_home"; then
    say "Fetching $1 ${2#*:} ($3 bytes)"
    made=$staging/layer-$(random_hex)
    mkdir -p "$made/$1" "$work/check"
    fetch_layer "$@"
    read_archive "$5"
    make_tree "$made/$1" "$6"
    record_layer "$@"
    chmod 00555 "$made/$1"
    mkdir -p "${layer_home%/*}"
    if [ -e "$layer_home" ] || [ -L "$layer_home" ]; then mv "$layer_home" "$staging/damaged-$(random_hex)"; fi
    mv "$made" "$layer_home" || fail 73 "$layer_home cannot be written."
    rm -rf "$work/check" "$work/blob" "$work/archive"
  fi
  give_lock "layer-${5#*:}"
}

# Whether a layer stands complete, as the CLI judges it: with its record and its files, and not known to be damaged.
layer_stands() {
  [ -f "$1/layer.json" ] && [ -f "$1/.inventory" ] && [ ! -L "$1" ] || return 1
  layer_name "$1"
  [ -n "$layer_name" ] && [ -d "$1/$layer_name" ] && [ ! -e "$1/.damaged-$layer_name" ]
}

# The name that the files of a layer were written under, in $layer_name.
layer_name() {
  layer_name=$(tr -d '\n' <"$1/layer.json" | sed -n 's/.*"name":"\([A-Za-z0-9._-]*\)".*/\1/p')
}

fetch_layer() {
  fetch "blobs/$2" "$work/blob" $(($3 + 1)) '*/*' "$3" || fail 66 "$host does not have the layer $2 of $repository."
  digest_of "$2" "$work/blob"
  [ "$digest" = "$2" ] || fail 65 "The layer $2 of $registry/$repository has another content: $digest."
  # Some shells count to 2^31 only.
  layer_limit=2147483646
  if [ $((2147483647 + 1)) -gt 0 ]; then layer_limit=34359738368; fi
  if [ "$3" -lt 268435 ]; then layer_limit=67108864
  elif [ "$3" -lt $((layer_limit / 250)) ]; then layer_limit=$(($3 * 250))
  fi
  case $4 in
    *gzip | *zstd)
      layer_program=gzip
      case $4 in *zstd) layer_program=zstd ;; esac
      rm -f "$work/exit"
      { "$layer_program" -dc <"$work/blob" 2>/dev/null || echo $? >"$work/exit"; } | head -c $((layer_limit + 1)) >"$work/archive"
      size_of "$work/archive"
      [ "$size_of" -le "$layer_limit" ] || fail 65 "The layer $2 grows to more than $layer_limit bytes."
      [ ! -f "$work/exit" ] || fail 65 "The layer $2 cannot be decompressed."
      rm -f "$work/blob"
      ;;
    *) mv "$work/blob" "$work/archive" ;;
  esac
  digest_of "$5" "$work/archive"
  [ "$digest" = "$5" ] || fail 65 "The layer $2 has the uncompressed digest $digest; the config says $5."
  subject="the layer $2"
}

# Lists the entries of $work/archive into $work/check/list, strictly. What is large is passed over by seeking.
read_archive() {
  read_block=0 read_entries=0
  : >"$work/check/list"
  while :; do
    { tail -c +$((read_block * 512 + 1)) "$work/archive" | od -An -v -tu1; } 2>/dev/null |
      first_block=$read_block entries=$read_entries subject=$subject awk "$AWK_JSON$AWK_TAR" >"$work/check/part" || exit 65
    read_last=$(tail -n 1 "$work/check/part")
    sed '$d' "$work/check/part" >>"$work/check/list"
    case $read_last in
      end) return ;;
      more*) ;;
      *) fail 65 "$subject could not be read." ;;
    esac
    read_last=${read_last#*"$tab"}
    read_block=${read_last%%"$tab"*} read_entries=${read_last#*"$tab"}
  done
}

# Writes the tree of $work/archive into the empty directory $1, and checks that exactly that stands there. Archives with anything
# that programs read differently (extended headers, whiteouts, directories without permissions) are not given to tar.
make_tree() {
  out=$work/check external=$2 subject=$subject awk "$AWK_JSON$AWK_PATHS$AWK_SHELL$AWK_LAYER" "$work/check/list" || exit 65
  read -r layer_entries layer_bytes layer_standing layer_method <"$work/check/summary"
  (
    cd "$1" || exit 73
    if [ "$layer_method" = hand ]; then . "$work/check/by-hand.sh"
    else umask 022; tar xof "$work/archive" || exit 73
    fi
  ) || fail 73 "$subject could not be written."
  (cd "$1" && chmod -R u+rwX . && find . ! -name . -type d) | sort >"$work/check/dirs-found"
  (cd "$1" && find . -type f) | sort >"$work/check/files-found"
  (cd "$1" && find . -type l) | sort >"$work/check/links-found"
  for make_kind in dirs files links; do
    sort "$work/check/$make_kind" | cmp -s - "$work/check/$make_kind-found" ||
      fail 73 "$subject was written otherwise than it is: this file system does not tell all of its names apart, or tar reads it otherwise."
  done
  make_found=$(cd "$1" && find . -type f -exec cat {} + | wc -c)
  [ $((make_found)) -eq "$layer_standing" ] || fail 73 "$subject was written with $((make_found)) bytes of $layer_standing."
  (cd "$1" && . "$work/check/modes.sh") || fail 73 "$subject could not be written."
}

# The content of a file of the archive: $1 its first block, $2 its bytes, $3 where it goes.
cut_out() {
  dd if="$work/archive" bs=512 skip="$1" count=$((($2 + 511) / 512)) 2>/dev/null | head -c "$2" >"$3"
}

hash_files() { digests 256 "$@"; }

# Writes the records of a layer: what the CLI compares its files with, and what it says of them.
record_layer() {
  (cd "$made/$1" && . "$work/check/hash.sh") >"$work/check/hashes" || fail 73 "$subject could not be read back."
  hashes=$work/check/hashes subject=$subject awk "$AWK_JSON$AWK_INVENTORY" "$work/check/entries" >"$made/.inventory" || exit 73
  chmod 444 "$made/.inventory"
  digest_of sha256: "$made/.inventory"
  record_hidden=$(cat "$work/check/hidden")
  bytes=$layer_bytes entries=$layer_entries descriptor=$7 diff_id=$5 inventory=$digest name=$1
  whiteouts=${record_hidden%%"$nl"*} opaques=${record_hidden#*"$nl"} sum=
  export bytes entries descriptor diff_id inventory name whiteouts opaques sum subject
  awk "$AWK_JSON$AWK_RECORD" </dev/null >"$work/check/record"
  digest_of sha256: "$work/check/record"
  sum=$digest
  awk "$AWK_JSON$AWK_RECORD" </dev/null >"$made/layer.json" && [ "$(tail -c 1 "$made/layer.json")" = '}' ] || fail 73 "$made/layer.json could not be written."
  unset bytes entries descriptor diff_id inventory name whiteouts opaques sum
}

# Makes the directory of a source where it does not stand: $1 its directory, then "DIFFID EXTERNAL" of each layer, lowest first.
install_tree() {
  tree_directory=$1
  shift
  [ -d "$tree_directory" ] && [ ! -e "${tree_directory%/*}/.damaged-${tree_directory##*/}" ] && return
  mkdir -p "$work/check"
  made=$staging/tree-$(random_hex)
  mkdir "$made"
  count=0 external=reject
  while [ $# -gt 0 ]; do
    tree_layer=$store/layers/${1%%:*}/${1#*:}
    [ "$2" != inert ] || external=inert
    layer_name "$tree_layer"
    count=$((count + 1))
    root=$tree_layer/$layer_name record=$tree_layer/layer.json inventory=$tree_layer/.inventory
    export "root_$count=$root" "record_$count=$record" "inventory_$count=$inventory"
    shift 2
  done
  out=$work/check count=$count external=$external subject="the image of ${tree_directory##*/}" \
    awk "$AWK_JSON$AWK_PATHS$AWK_SHELL$AWK_COMPOSE" </dev/null || exit 65
  (cd "$made" && . "$work/check/link.sh") || fail 73 "$tree_directory could not be written."
  tree_home=${tree_directory%/*}
  mkdir -p "$tree_home"
  take_lock "tree-${tree_home##*/}" exclusive
  if [ -e "$tree_directory" ] && [ -e "$tree_home/.damaged-${tree_directory##*/}" ]; then
    chmod 755 "$tree_directory"
    mv "$tree_directory" "$staging/damaged-$(random_hex)"
  fi
  if [ ! -e "$tree_directory" ]; then
    mv "$made" "$tree_directory" || fail 73 "$tree_directory cannot be written."
    chmod 00555 "$tree_directory"
    rm -f "$tree_home/.damaged-${tree_directory##*/}"
  fi
  give_lock "tree-${tree_home##*/}"
}

# Links files into the directory $1, or copies them where links cannot be.
link_files() {
  link_directory=$1
  shift
  ln "$@" "$link_directory/" 2>/dev/null || cp -p "$@" "$link_directory/"
}
