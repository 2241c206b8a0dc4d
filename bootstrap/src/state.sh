# --- The store, states of engines, names -----------------------------------------------------------------------------------------

# Makes the store where there is none, claims it so that nothing is collected meanwhile, and makes the directories to work in.
open_store() {
  refuse_controls
  mkdir -p "$store" || fail 73 "$store cannot be made."
  store=$(cd "$store" && pwd) || fail 73 "$store cannot be entered."
  refuse_controls
  if [ -f "$store/store.json" ]; then
    case $(cat "$store/store.json") in
      '{"version":1}') ;;
      *) fail 73 "$store is a store of another version, or damaged. This script knows version 1." ;;
    esac
  else
    for open_other in "$store"/*; do
      case ${open_other##*/} in
        '*' | engines | layers | trees | blobs | history | locks | partial | staging | lost+found) ;;
        *) fail 73 "$store is not empty and not an Engineshed store. Set ENGINESHED_HOME to a new or empty directory." ;;
      esac
    done
  fi
  for open_own in engines layers trees blobs history locks partial staging; do
    if [ -L "$store/$open_own" ]; then fail 73 "$store/$open_own is a link, and no directory that Engineshed made."; fi
    [ -d "$store/$open_own" ] || mkdir "$store/$open_own" 2>/dev/null || [ -d "$store/$open_own" ] || fail 73 "$store/$open_own cannot be made."
  done
  find_owner
  take_lock store shared
  give_signs
  sweep_staging
  staging=$store/staging/$owner-$(random_hex)
  (umask 077 && mkdir "$staging") || fail 73 "$staging cannot be made."
  work=$staging/work
  mkdir "$work"
  find_way_to_move
  if [ ! -f "$store/store.json" ]; then
    printf '{"version":1}' >"$staging/store.json" && mv -f "$staging/store.json" "$store/store.json" || fail 73 "$store cannot be written."
  fi
}

refuse_controls() {
  case $store in *[[:cntrl:]]*) fail 64 'The path of the store has control characters.' ;; esac
}

# Removes what dead processes were making. A living one holds a claim on the store; the directories are listed before those.
sweep_staging() {
  for sweep_directory in "$store/staging"/*; do
    [ -d "$sweep_directory" ] || continue
    sweep_owner=${sweep_directory##*/}
    sweep_owner=${sweep_owner%-*}
    sweep_lives=
    for sweep_claim in "$store/locks/store/"*".$sweep_owner-"*; do
      if [ -e "$sweep_claim" ] && is_alive "$sweep_claim"; then sweep_lives=yes; fi
    done
    [ -n "$sweep_lives" ] || remove_tree "$sweep_directory"
  done
}

remove_tree() {
  # Directories of layers are read-only. The files of a tree are those of its layers: their modes stay.
  find "$1" -type d ! -perm -500 -exec chmod u+rwx {} \; 2>/dev/null
  find "$1" -type d ! -perm -200 -exec chmod u+w {} + 2>/dev/null
  rm -rf "$1" 2>/dev/null
}

# How "mv" replaces a link to a directory here, and does not move into that directory: -T, or -h of BSD and macOS.
find_way_to_move() {
  mkdir "$work/probe-directory"
  for move_flag in -fT -fh; do
    ln -s probe-directory "$work/probe-link"
    ln -s other "$work/probe-new"
    if mv "$move_flag" "$work/probe-new" "$work/probe-link" 2>/dev/null && [ "$(readlink "$work/probe-link")" = other ]; then
      rm -f "$work/probe-link"
      return
    fi
    rm -f "$work/probe-link" "$work/probe-new" "$work/probe-directory/probe-new"
  done
  move_flag=
}

# Lets the link $2 lead to $1, in one step.
replace_link() {
  if [ -e "$2" ] && [ ! -L "$2" ]; then fail 73 "$2 is in the way: it is no link."; fi
  replace_new=$staging/link-$(random_hex)
  ln -s "$1" "$replace_new" || fail 73 "$replace_new cannot be made."
  if [ ! -L "$2" ]; then mv "$replace_new" "$2" || fail 73 "$2 cannot be made."
  elif [ "$(readlink "$2")" = "$1" ]; then rm -f "$replace_new"
  elif [ -n "$move_flag" ]; then mv "$move_flag" "$replace_new" "$2" || fail 73 "$2 cannot be replaced."
  else fail 69 "The program mv here cannot replace $2 in one step."
  fi
}

# Installs the state of the lock in $work/lock, whose layers stand, and lets the name lead to it. Sets $state.
install_state() {
  state_home=$store/engines/$engine
  state=$state_home/$engine_id
  take_lock "engine-$engine" exclusive
  for state_other in "$store/engines"/*; do
    state_other=${state_other##*/}
    if [ "$state_other" != "$engine" ] && [ "$(lower "$state_other")" = "$(lower "$engine")" ] && [ -e "$state_home" ]; then
      [ "$(ls "$store/engines" | grep -cx "$engine")" = 1 ] || fail 64 "The file system does not tell $engine from $state_other, which is installed."
    fi
  done
  for state_link in "$state_home/links"/*; do
    [ ! -L "$state_link" ] || fail 73 "$engine is linked to a working copy on this machine. Install it with the engineshed command, or unlink it first."
  done
  if [ ! -f "$state/engine.json" ]; then
    write_state
    mkdir -p "$state_home"
    if [ -e "$state" ]; then mv "$state" "$staging/damaged-$(random_hex)"; fi
    mv "$made" "$state" || fail 73 "$state cannot be written."
  fi
  replace_link "$engine_id" "$state_home/active"
  give_lock "engine-$engine"
}

lower() { printf '%s' "$1" | tr 'A-Z' 'a-z'; }

# Writes a state into $made, from $work/lock, $work/lock-plan and the directories of its sources.
write_state() {
  made=$staging/engine-$(random_hex)
  mkdir "$made" "$made/parts" "$made/sources" || fail 73 "$made cannot be made."
  : >"$work/directories"
  while IFS=' ' read -r state_kind state_name state_source state_path; do
    case $state_kind in
      source)
        source_directory "$state_name"
        printf 'source %s %s\n' "$state_name" "$source_directory" >>"$work/directories"
        ln -s "$source_directory" "$made/sources/$state_name"
        ;;
      part)
        source_directory "$state_source"
        part_directory "$state_name" "$source_directory" "$state_path"
        printf 'part %s %s\n' "$state_name" "$part_directory" >>"$work/directories"
        ln -s "$part_directory" "$made/parts/$state_name"
        ;;
      command)
        if [ -L "$made/parts/$state_source" ]; then
          command_file "$state_name" "$state_source" "$state_path"
          printf 'command %s %s\n' "$state_name" "$command_file" >>"$work/directories"
          mkdir -p "$made/bin" && ln -s "$command_file" "$made/bin/$state_name"
        fi
        ;;
    esac || fail 73 "$made cannot be written."
  done <"$work/lock-plan"
  task=engine id=$engine_id installed=$(date -u +%Y-%m-%dT%H:%M:%SZ) platform=$platform_node directories=$work/directories \
    env=$made/env commands=$made/.commands subject="the lock of $engine" awk "$AWK_JSON$AWK_SHELL$AWK_PLATFORM$AWK_LOCK" <"$work/lock" >"$made/engine.json" || exit 73
  cat "$work/lock" >"$made/lock.json" && digest_of sha256: "$work/lock" && printf '%s' "$digest" >"$made/.lock-sum" &&
    { [ ! -f "$made/.commands" ] || mkdir -p "$made/bin"; } && cmp -s "$work/lock" "$made/lock.json" && [ "$(tail -n 1 "$made/engine.json")" = '}' ] || fail 73 "$made cannot be written."
}

# The real path of a part, which must lie in its source, in $part_directory. $1 type, $2 directory of the source, $3 path.
part_directory() {
  part_root=$(cd -P "$2" && pwd -P) || fail 73 "$2 cannot be entered."
  if [ -d "$2/$3" ]; then part_directory=$(cd -P "$2/$3" && pwd -P)
  elif [ -f "$2/$3" ] && [ ! -L "$2/$3" ]; then part_directory=$(cd -P "$2/${3%/*}" && pwd -P)/${3##*/}
  else fail 66 "The part $1 of $engine should be \"$3\" in its source, which has no such path."
  fi
  case $part_directory/ in
    "$part_root"/*) ;;
    *) fail 65 "The part $1 of $engine leads out of its source." ;;
  esac
}

# The real path of the file of a command, which must lie in the source of its part, in $command_file. $1 command, $2 part, $3 path.
command_file() {
  command_at=$(readlink "$made/parts/$2")/$3
  command_left=40
  while [ -L "$command_at" ] && [ "$command_left" -gt 0 ]; do
    command_link=$(readlink "$command_at")
    case $command_link in
      /*) command_at=$command_link ;;
      *) command_at=${command_at%/*}/$command_link ;;
    esac
    command_left=$((command_left - 1))
  done
  if [ ! -f "$command_at" ] || [ -L "$command_at" ]; then fail 66 "The command $1 of $engine should be \"$3\" in its part $2, which has no such file."; fi
  command_file=$(cd -P "${command_at%/*}" && pwd -P)/${command_at##*/}
  source_directory "$(part=$2 awk '$1 == "part" && $2 == ENVIRON["part"] { print $3; exit }' "$work/lock-plan")"
  case $command_file in
    "$(cd -P "$source_directory" && pwd -P)"/*) ;;
    *) fail 65 "The command $1 of $engine leads out of its source." ;;
  esac
  [ -x "$command_file" ] || fail 66 "The command $1 of $engine should be \"$3\" in its part $2, which is not executable."
}

# Ends where something that Engineshed did not make is in the place of a shim.
check_shims() {
  if [ -L "$store/shims" ]; then fail 73 "$store/shims is a link, and no directory that Engineshed made."; fi
  while IFS=' ' read -r shim_kind shim_name _; do
    [ "$shim_kind" = command ] || continue
    [ ! -e "$store/shims/$shim_name" ] && [ ! -L "$store/shims/$shim_name" ] || is_shim "$store/shims/$shim_name" ||
      fail 73 "$store/shims/$shim_name is in the way: it is no shim."
  done <"$work/lock-plan"
}

is_shim() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(head -n 2 "$1")" = "$(print_shim | head -n 2)" ]
}

# Gives each command its shim. The program takes away those of commands that there are no more.
settle_shims() {
  grep -q '^command ' "$work/lock-plan" || return 0
  print_shim | store=$(cd -P "$store" && pwd -P) awk "$AWK_SHELL$AWK_SHIM" >"$work/shim" || fail 73 "$work/shim cannot be written."
  take_lock shims exclusive
  mkdir -p "$store/shims" || fail 73 "$store/shims cannot be made."
  while IFS=' ' read -r shim_kind shim_name _; do
    [ "$shim_kind" = command ] || continue
    if cmp -s "$work/shim" "$store/shims/$shim_name" && [ -x "$store/shims/$shim_name" ]; then continue; fi
    cp "$work/shim" "$staging/shim" && chmod 755 "$staging/shim" && mv -f "$staging/shim" "$store/shims/$shim_name" ||
      fail 73 "$store/shims/$shim_name cannot be written."
  done <"$work/lock-plan"
  give_lock shims
}

# The directory of a source, in $source_directory: of its only layer, or of its tree. Sets $source_layers too.
source_directory() {
  source_layers= source_count=0 source_chain=
  while IFS=' ' read -r source_kind source_name _ _ _ source_diff source_external _; do
    [ "$source_kind" = layer ] && [ "$source_name" = "$1" ] || continue
    source_count=$((source_count + 1))
    source_layers="$source_layers $source_diff $source_external"
    if [ -z "$source_chain" ]; then source_chain=$source_diff
    else
      printf '%s %s' "$source_chain" "$source_diff" >"$work/chain"
      digest_of sha256: "$work/chain"
      source_chain=$digest
    fi
  done <"$work/lock-plan"
  case $source_count in
    0) source_directory=$store/trees/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/$1 ;;
    1) source_directory=$store/layers/${source_chain%%:*}/${source_chain#*:}/$1 ;;
    *) source_directory=$store/trees/${source_chain%%:*}/${source_chain#*:}/$1 ;;
  esac
}

# Puts manifests and configs into the store.
install_blobs() {
  for blob in "$work/blobs"/*/*; do
    [ -f "$blob" ] || continue
    blob_home=$store/blobs/${blob#"$work/blobs/"}
    [ ! -f "$blob_home" ] || continue
    mkdir -p "${blob_home%/*}"
    chmod 444 "$blob" && mv -f "$blob" "$blob_home" || fail 73 "$blob_home cannot be written."
  done
}

# Makes the engine the active one where that is asked for, or where none is.
select_engine() {
  take_lock selection exclusive
  if [ -n "$wants_use" ] || [ ! -L "$store/current" ]; then
    replace_link "engines/$engine/active" "$store/current"
  fi
  give_lock selection
}

# Records in the history what the names stand for now, unless that is where it is: also for what a killed install could not record.
# It is a convenience: where it cannot be written, nothing else fails.
record_history() {
  take_lock history exclusive
  history_last=$(ls "$store/history" | sed -n 's/^\([1-9][0-9]*\)\.json$/\1/p' | sort -n | tail -n 1)
  history_number=$((${history_last:-0} + 1))
  history_active=null
  case $(readlink "$store/current" 2>/dev/null || :) in
    engines/*/active)
      history_active=$(readlink "$store/current")
      history_active=${history_active#engines/}
      history_active=\"${history_active%/active}\"
      ;;
  esac
  history_engines=
  for history_engine in "$store/engines"/*; do
    [ -L "$history_engine/active" ] || continue
    history_engines=$history_engines${history_engines:+,}\"${history_engine##*/}\":\"$(readlink "$history_engine/active")\"
  done
  history_now="\"active\":$history_active,\"engines\":{$history_engines}}"
  history_position=$(cat "$store/history/position" 2>/dev/null || :)
  case $(cat "$store/history/$history_position.json" 2>/dev/null || :) in
    *",$history_now") give_lock history; return ;;
  esac
  printf '{"number":%d,"time":"%s","change":"install %s",%s' \
    "$history_number" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$engine" "$history_now" >"$staging/generation" &&
    mv -f "$staging/generation" "$store/history/$history_number.json" &&
    printf '%d' "$history_number" >"$staging/position" && mv -f "$staging/position" "$store/history/position" ||
    say 'The history could not be written.'
  give_lock history
}
