#!/bin/sh
# A shim of Engineshed, which makes, replaces and removes this file: it runs the command of its name of the selected engine.
#
#   COMMAND [ARGUMENT...]           of the selected engine
#   COMMAND +ENGINE [ARGUMENT...]   of this engine, NAME or NAME@ID; write "++x" for a first argument "+x"
#
# The engine is that of "engineshed current --explain", in the same order. Until the command takes over there is nothing but what
# the shell has built in. What this cannot decide it leaves to "engineshed exec", which also installs what is missing.
set +eu

engineshed_fail() { # STATUS MESSAGE HINT
  echo "engineshed: $2" >&2
  echo "  $3" >&2
  exit "$1"
}

engineshed_is_name() { # TEXT
  case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
  esac
}

engineshed_skip_blanks() {
  engineshed_line=${engineshed_line#"${engineshed_line%%[! @TAB@]*}"}
}

# Finds KEY = "NAME" in FILE, as src/engine/top-line.ts does: 0 and engineshed_value, 1 where there is no such line, 2 for another one.
engineshed_top_line() { # FILE KEY
  [ -r "$1" ] || return 2
  while IFS= read -r engineshed_line || [ -n "$engineshed_line" ]; do
    engineshed_line=${engineshed_line#@BOM@}
    engineshed_skip_blanks
    case $engineshed_line in
      '['*) return 1 ;;
      "$2"*) ;;
      *) continue ;;
    esac
    engineshed_line=${engineshed_line#"$2"}
    engineshed_skip_blanks
    case $engineshed_line in
      '='*) ;;
      *) continue ;;
    esac
    engineshed_line=${engineshed_line#=}
    engineshed_skip_blanks
    case $engineshed_line in
      '"'*'"'*)
        engineshed_line=${engineshed_line#'"'}
        engineshed_value=${engineshed_line%%'"'*}
        engineshed_line=${engineshed_line#*'"'}
        ;;
      "'"*"'"*)
        engineshed_line=${engineshed_line#"'"}
        engineshed_value=${engineshed_line%%"'"*}
        engineshed_line=${engineshed_line#*"'"}
        ;;
      *) return 2 ;;
    esac
    engineshed_skip_blanks
    case $engineshed_line in
      '' | '@CR@' | '#'*) ;;
      *) return 2 ;;
    esac
    engineshed_is_name "$engineshed_value" || return 2
    return 0
  done <"$1"
  return 1
}

# Reads the first four lines of a lock: 0 and engineshed_id, 2 for anything but a lock of engineshed_name.
engineshed_read_lock() { # FILE
  [ -r "$1" ] || return 2
  {
    IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = '{' ] &&
      IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = '  "version": 1,' ] &&
      IFS= read -r engineshed_line && [ "${engineshed_line%@CR@}" = "  \"engine\": \"$engineshed_name\"," ] &&
      IFS= read -r engineshed_line
  } <"$1" || return 2
  engineshed_line=${engineshed_line%@CR@}
  engineshed_id=${engineshed_line#'  "id": "'}
  engineshed_id=${engineshed_id%'",'}
  [ "$engineshed_line" = "  \"id\": \"$engineshed_id\"," ] && engineshed_is_id "$engineshed_id" || return 2
}

engineshed_is_id() { # TEXT
  case $1 in
    *[!0-9a-f]*) return 1 ;;
    ????????????????) ;;
    *) return 1 ;;
  esac
}

# Whether somebody else may have put FILE into a DIRECTORY where everybody may write. Only where the shell cannot tell, "ls" does.
engineshed_is_planted() { # FILE DIRECTORY
  [ -O "$1" ] && return 1
  [ -w "$2" ] || return 1
  case $(command -p ls -Lldn "$2") in
    d???????w*) ;;
    d*) return 1 ;;
  esac
  set -- $(command -p ls -Lldn "$1")
  [ "${3-}" != 0 ]
}

# Looks for the pin of a project, from the working directory upward by its real parents.
engineshed_find_pin() {
  # Where the working directory is gone there is no project.
  case ${PWD-} in
    /*) [ . -ef "$PWD" ] || return 1 ;;
    *) return 1 ;;
  esac
  engineshed_up=./
  while :; do
    if [ -f "${engineshed_up}engineshed.toml" ]; then
      engineshed_is_planted "${engineshed_up}engineshed.toml" "$engineshed_up" && return 2
      engineshed_top_line "${engineshed_up}engineshed.toml" engine
      case $? in
        0) break ;;
        2) return 2 ;;
      esac
    fi
    [ -d "${engineshed_up}.." ] && ! [ "$engineshed_up" -ef "${engineshed_up}.." ] || return 1
    engineshed_up=${engineshed_up}../
  done
  engineshed_name=$engineshed_value
  [ -f "${engineshed_up}engineshed.lock" ] || return 0
  engineshed_is_planted "${engineshed_up}engineshed.lock" "$engineshed_up" && return 2
  engineshed_read_lock "${engineshed_up}engineshed.lock"
}

# Reads NAME or NAME@ID into engineshed_name and engineshed_id.
engineshed_read_named() { # TEXT
  engineshed_name=${1%%@*}
  case $1 in
    *@*)
      engineshed_id=${1#*@}
      engineshed_is_id "$engineshed_id" || return 1
      ;;
  esac
  engineshed_is_name "$engineshed_name"
}

# The user's default: as src/cli/places.ts has it, where the environment tells.
engineshed_find_default() {
  case ${XDG_CONFIG_HOME-} in
    /*) engineshed_line=$XDG_CONFIG_HOME ;;
    *) engineshed_line=${HOME-}/.config ;;
  esac
  [ -f "$engineshed_line/engineshed/engineshed.toml" ] || return 1
  engineshed_top_line "$engineshed_line/engineshed/engineshed.toml" default || return
  engineshed_name=$engineshed_value
}

engineshed_command=${0##*/}
engineshed_is_name "$engineshed_command" ||
  engineshed_fail 64 'A shim was called by a name that no command has' 'Call it by the name that it has in the store.'

# What a command is called by must not be that command again and again, as where it calls its own name for another program.
engineshed_depth=${ENGINESHED_DEPTH:-0}
case $engineshed_depth in
  *[!0-9]* | 0?* | ????*) engineshed_depth=0 ;;
esac
[ "$engineshed_depth" -lt 100 ] ||
  engineshed_fail 70 "$engineshed_command calls shims that call each other, without an end" \
    "Where it means another program of that name, have it call that by its path."
ENGINESHED_DEPTH=$((engineshed_depth + 1))
export ENGINESHED_DEPTH

# The store: that of ENGINESHED_HOME; else the one that this file lies in; else, called through a link from elsewhere, the one that
# it was made for.
engineshed_home=${ENGINESHED_HOME-}
if [ -z "$engineshed_home" ]; then
  case $0 in
    /*/shims/"$engineshed_command") engineshed_home=${0%/*/*} ;;
    */shims/"$engineshed_command") engineshed_home=$PWD/${0%/*/*} ;;
  esac
  [ -n "$engineshed_home" ] && [ -f "$engineshed_home/store.json" ] || engineshed_home=@STORE@
fi

engineshed_name=
engineshed_id=
engineshed_choice=--
engineshed_problem=
engineshed_remedy=
engineshed_why=
case $engineshed_home in
  /*) ;;
  *) engineshed_problem='ENGINESHED_HOME is not an absolute path' ;;
esac
case ${1-} in
  ++*)
    engineshed_line=${1#+}
    shift
    set -- "$engineshed_line" "$@"
    ;;
  +*)
    engineshed_choice=$1
    shift
    ;;
esac
if [ "$engineshed_choice" != -- ]; then
  engineshed_read_named "${engineshed_choice#+}" ||
    engineshed_fail 64 'What stands after "+" is no engine' 'Write +NAME or +NAME@ID, and ++ for a first argument that begins with a plus.'
elif [ -n "${ENGINESHED_ENGINE-}" ]; then
  engineshed_why=', and ENGINESHED_ENGINE selects it'
  engineshed_read_named "$ENGINESHED_ENGINE" || engineshed_problem='ENGINESHED_ENGINE is set to what is no engine'
elif [ -n "${HAMLET_ENGINE-}" ]; then
  engineshed_why=', and HAMLET_ENGINE selects it'
  engineshed_read_named "$HAMLET_ENGINE" || engineshed_problem='HAMLET_ENGINE is set to what is no engine'
else
  engineshed_find_pin
  case $? in
    0)
      engineshed_why=', and the project pins it'
      # A working copy that is linked on this machine.
      [ -h "$engineshed_home/engines/$engineshed_name/links/$engineshed_id" ] && engineshed_id=links/$engineshed_id
      ;;
    1)
      engineshed_id=
      if ! [ -h "$engineshed_home/current" ]; then
        engineshed_find_default
        case $? in
          0) engineshed_why=', and it is the default' ;;
          1) engineshed_problem='No engine is active' ;;
          *) engineshed_problem='The default engine in the configuration file of the user cannot be read' ;;
        esac
      fi
      ;;
    *) engineshed_problem='The engine that the project pins cannot be read' ;;
  esac
fi

if [ -z "$engineshed_problem" ]; then
  engineshed_wanted=$engineshed_name
  if [ -n "$engineshed_id" ]; then
    engineshed_state=$engineshed_home/engines/$engineshed_name/$engineshed_id
  elif [ -n "$engineshed_name" ]; then
    engineshed_state=$engineshed_home/engines/$engineshed_name/active
  else
    engineshed_state=$engineshed_home/current
  fi
  engineshed_line=$engineshed_name${engineshed_id:+@$engineshed_id}
  engineshed_file=
  if [ -f "$engineshed_state/.commands" ]; then
    . "$engineshed_state/.commands"
  elif [ -f "$engineshed_state/engine.json" ]; then
    engineshed_damaged=
  else
    engineshed_problem="The engine ${engineshed_line:-that is active} is not installed$engineshed_why"
    engineshed_remedy=${engineshed_name:+"Install it with: engineshed install $engineshed_name"}
  fi
fi
# A file system without upper and lower case may have found an engine of another name.
if [ -z "$engineshed_problem" ] && [ -n "$engineshed_wanted" ] && [ "$engineshed_wanted" != "$engineshed_name" ]; then
  engineshed_problem="The engine $engineshed_wanted is not installed$engineshed_why"
  engineshed_remedy="Install it with: engineshed install $engineshed_wanted"
fi
if [ -z "$engineshed_problem" ]; then
  if [ -n "$engineshed_damaged" ]; then
    engineshed_problem="The source $engineshed_damaged of the engine $engineshed_name is damaged"
    engineshed_remedy="Repair it with: engineshed verify $engineshed_name --repair"
  elif [ -z "$engineshed_file" ]; then
    for engineshed_line in "$engineshed_home"/engines/*/active/bin/"$engineshed_command"; do
      [ -h "$engineshed_line" ] || continue
      engineshed_line=${engineshed_line%/active/bin/*}
      engineshed_remedy="$engineshed_remedy, ${engineshed_line##*/}"
    done
    engineshed_fail 66 "The engine ${engineshed_name:-that is active} has no command \"$engineshed_command\"" \
      "${engineshed_remedy:+These have it: ${engineshed_remedy#, }. }Name one with: $engineshed_command +ENGINE"
  elif ! [ -x "$engineshed_file" ]; then
    engineshed_problem="The engine $engineshed_name is not complete"
    engineshed_remedy="Repair it with: engineshed verify $engineshed_name --repair"
  else
    # For "engineshed gc --unused-for". What is no plain file is not ours.
    engineshed_line=$engineshed_home/engines/$engineshed_name/used
    if ! [ -h "$engineshed_line" ] && { [ -f "$engineshed_line" ] || ! [ -e "$engineshed_line" ]; }; then
      { true >"$engineshed_line"; } 2>/dev/null
    fi
    . "$engineshed_home/engines/$engineshed_name/$engineshed_id/env"
    ENGINESHED_HOME=$engineshed_home
    ENGINESHED_ENGINE=$engineshed_name@$engineshed_id
    export ENGINESHED_HOME ENGINESHED_ENGINE
    exec "$engineshed_file" "$@"
  fi
fi

if command -v engineshed >/dev/null 2>&1; then
  ENGINESHED_HOME=$engineshed_home
  export ENGINESHED_HOME
  exec engineshed exec "$engineshed_choice" "$engineshed_command" "$@"
fi
engineshed_fail 66 "$engineshed_problem" "${engineshed_remedy:-See why with: engineshed current --explain}"
