# --- Locks: the same claims as the CLI makes (src/files/lock.ts) -----------------------------------------------------------------

# Who this process is, in $owner: PID-START-PLACE, as others judge by whether it lives.
find_owner() {
  owner_start=0
  process_start $$ && owner_start=$start
  place=$(uname -n)$nl
  if [ -r /proc/sys/kernel/random/boot_id ]; then place=$place$(cat /proc/sys/kernel/random/boot_id)$nl; fi
  place=$place$nl$(readlink /proc/self/ns/pid 2>/dev/null || :)
  owner_place=$(printf '%s' "$place" | digests 256) || fail 69 'This machine could not be named.'
  owner_place=$(printf '%.12s' "$owner_place")
  owner=$$-$owner_start-$owner_place
}

# When a process started, in the ticks of the kernel, in $start; fails where the system does not tell.
process_start() {
  start=
  { read -r process_stat </proc/"$1"/stat; } 2>/dev/null || return 1
  process_stat=${process_stat##*) }
  # shellcheck disable=SC2086
  set -- $process_stat
  [ $# -ge 20 ] && start=${20}
}

# Whether the owner in the name of a claim ($1 the file) lives. One of another machine or container lives while it gives signs.
is_alive() {
  alive_rest=${1##*/}
  alive_rest=${alive_rest#*.}
  alive_pid=${alive_rest%%-*}; alive_rest=${alive_rest#*-}
  alive_start=${alive_rest%%-*}; alive_rest=${alive_rest#*-}
  if [ "${alive_rest%%-*}" != "$owner_place" ]; then
    [ -n "$(find "$1" -mmin -2 2>/dev/null)" ]
    return
  fi
  if process_start "$alive_pid"; then [ "$start" = "$alive_start" ]; return; fi
  [ "$alive_start" = 0 ] || return 1
  kill -0 "$alive_pid" 2>/dev/null || ps -p "$alive_pid" >/dev/null 2>&1
}

# Takes the lock $1 in the mode $2, shared or exclusive. A claim is made first and the others are looked at second, so of two
# claimants at least one sees the other. What dead processes left is swept.
take_lock() {
  take_said=
  while :; do
    take_rank=$(random_hex)
    claim=$store/locks/$1/$2.$owner-$take_rank
    take_tries=0
    until mkdir -p "$store/locks/$1" && (set -C; : >"$claim") 2>/dev/null; do
      take_tries=$((take_tries + 1))
      [ "$take_tries" -lt 100 ] || fail 73 "$claim cannot be made."
    done
    claims="$claims$claim$nl"
    while :; do
      take_rivals=free
      for take_other in "$store/locks/$1"/*; do
        case ${take_other##*/} in
          "${claim##*/}") continue ;;
          exclusive.*) ;;
          shared.*) [ "$2" = exclusive ] || continue ;;
          *) continue ;;
        esac
        is_alive "$take_other" || { rm -f "$take_other"; continue; }
        take_rivals=busy
        # Of several that wait, the lowest stays, and the others step back.
        if (one=${take_other##*-} other=$take_rank; export one other; smaller); then take_rivals=behind; break; fi
      done
      [ "$take_rivals" != free ] || return 0
      [ -n "$take_said" ] || say "Waiting for another process, which holds \"$1\"."
      take_said=yes
      [ "$take_rivals" = busy ] || break
      pause
    done
    drop_claim "$claim"
    pause
  done
}

# Whether $one sorts before $other, both from the environment.
smaller() { awk 'BEGIN { exit !(ENVIRON["one"] "" < ENVIRON["other"] "") }'; }

# Some hundredths of a second where sleep can do that.
pause() { sleep 0.05 2>/dev/null || sleep 1; }

drop_claim() {
  rm -f "$1"
  rmdir "${1%/*}" 2>/dev/null || :
  claims_kept=
  while IFS= read -r claims_line; do
    if [ -n "$claims_line" ] && [ "$claims_line" != "$1" ]; then claims_kept=$claims_kept$claims_line$nl; fi
  done <<CLAIMS
$claims
CLAIMS
  claims=$claims_kept
}

# Gives the lock $1 back.
give_lock() {
  for give_claim in "$store/locks/$1/"*".$owner-"*; do
    if [ -e "$give_claim" ]; then drop_claim "$give_claim"; fi
  done
}

# While this process lives, its claims are touched: processes on other machines that share the store judge by that.
give_signs() {
  (
    exec >/dev/null 2>&1 </dev/null
    trap 'kill "$signs_sleep"; exit' TERM
    while :; do
      sleep 10 &
      signs_sleep=$!
      wait "$signs_sleep"
      kill -0 $$ || exit
      for signs_claim in "$store/locks/"*"/"*".$owner-"*; do
        [ ! -e "$signs_claim" ] || touch -c "$signs_claim"
      done
    done
  ) &
  signs_pid=$!
}
