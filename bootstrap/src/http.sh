# --- Requests --------------------------------------------------------------------------------------------------------------------

# Sends one GET to $1 and follows no redirect: $2 file for the body, $3 its most bytes, $4 the value of Authorization or nothing,
# $5 the value of Accept. Sets $http_code, 000 where there was no answer, and $client_exit; the headers are in $work/headers.
# What must be secret goes to the client in a file that only the user can read.
exchange() {
  : >"$work/headers"
  : >"$work/log"
  rm -f "$work/exit"
  case $client in
    curl)
      {
        printf 'url = "%s"\nheader = "Accept: %s"\n' "$1" "$5"
        [ -z "$4" ] || cat <<HEADER
header = "Authorization: $4"
HEADER
      } >"$work/request"
      {
        curl -q -sS --globoff --proto '=http,https' -A engineshed.sh -K "$work/request" -D "$work/headers" --connect-timeout 30 \
          --speed-limit 1 --speed-time 60 -o - 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      ;;
    wget)
      {
        printf 'header = Accept: %s\nnetrc = off\nmax_redirect = 0\ntries = 1\ntimeout = 60\nuser_agent = engineshed.sh\n' "$5"
        [ -z "$4" ] || cat <<HEADER
header = Authorization: $4
HEADER
      } >"$work/request"
      printf '%s\n' "$1" >"$work/url"
      {
        WGETRC=$work/request wget -S --no-hsts -i "$work/url" -O - 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      sed -n 's/^  //p' "$work/log" >"$work/headers"
      ;;
    busybox)
      # It shows no challenge, and takes the headers of its command line along to wherever it is led: it gets no authorization.
      {
        # shellcheck disable=SC2086
        wget $wget_timeout -S -O - --header "Accept: $5" "$1" 2>"$work/log" || echo $? >"$work/exit"
      } | head -c "$3" >"$2"
      sed -n 's/^  //p' "$work/log" >"$work/headers"
      ;;
  esac
  client_exit=0
  [ ! -f "$work/exit" ] || client_exit=$(cat "$work/exit")
  http_code=$(tr -d '\r' <"$work/headers" | awk '/^HTTP\// { code = $2 } END { print code ~ /^[1-5][0-9][0-9]$/ ? code : "000" }')
}

# The values of a header of the last answer, in lower case $1, one per line.
header() {
  tr -d '\r' <"$work/headers" | name=$1 awk '
    /^HTTP\// { count = 0; next }
    { at = index($0, ":"); if (at && tolower(substr($0, 1, at - 1)) == ENVIRON["name"]) { value = substr($0, at + 1); sub(/^[ \t]+/, "", value); sub(/[ \t]+$/, "", value); found[++count] = value } }
    END { for (i = 1; i <= count; i++) print found[i] }'
}

# GET with redirects followed, at most 8. Arguments as of exchange. At the first to another origin the authorization is dropped
# and does not come back; from https to http none is followed. $left_origin says whether another origin answered.
get() {
  get_url=$1 get_authorization=$4 get_left=8 left_origin=
  while :; do
    exchange "$get_url" "$2" "$3" "$get_authorization" "$5"
    case $http_code in 301 | 302 | 303 | 307 | 308) ;; *) return 0 ;; esac
    get_next=$(header location | head -n 1)
    [ -n "$get_next" ] || return 0
    case $get_next in
      http://* | https://*) ;;
      //*) get_next=${get_url%%//*}$get_next ;;
      /*) origin "$get_url"; get_next=$origin$get_next ;;
      *) get_next=${get_url%%\?*}; get_next=${get_next%/*}/$(header location | head -n 1) ;;
    esac
    check_url "$get_next"
    case $get_url-$get_next in https://*-http://*) fail 69 "$host leads from https to http, which is not followed." ;; esac
    origin "$get_url"; get_origin=$origin
    origin "$get_next"
    if [ "$origin" != "$get_origin" ]; then get_authorization= left_origin=yes; fi
    get_url=$get_next
    get_left=$((get_left - 1))
    [ "$get_left" -gt 0 ] || fail 69 "$host answered with more than 8 redirects."
  done
}

# Scheme, host and port of a URL, in $origin.
origin() {
  origin_scheme=${1%%://*}
  origin_host=${1#*://}
  origin_host=${origin_host%%[/?#]*}
  origin_host=$(printf '%s' "$origin_host" | tr 'A-Z' 'a-z')
  case $origin_host in
    *:[0-9]*) ;;
    *) if [ "$origin_scheme" = https ]; then origin_host=$origin_host:443; else origin_host=$origin_host:80; fi ;;
  esac
  origin=$origin_scheme://$origin_host
}

# Ends where a URL of a server has what no URL has, or a user name.
check_url() {
  case $1 in
    *[!!-~]* | *'"'* | *'\'* | *"'"* | *'<'* | *'>'*) fail 69 "$host leads to a malformed address." ;;
  esac
  check_host=${1#*://}
  case ${check_host%%[/?#]*} in
    *@* | '') fail 69 "$host leads to a malformed address." ;;
  esac
}

# GET from the registry, with its authorization, again where the network or the registry fails for a while. $1 the path below
# the repository, $2 file, $3 most bytes, $4 Accept, $5 the exact size of the body where that is known, else nothing.
# Ends where the answer is not 200; with 404 it returns 4.
fetch() {
  fetch_try=1 fetch_asked=
  while :; do
    get "$base/v2/$repository/$1" "$2" "$3" "$authorization" "$4"
    size_of "$2"
    case $http_code in
      200)
        if [ -z "$5" ] && [ "$client_exit" = 0 ]; then return 0; fi
        if [ -n "$5" ] && [ "$size_of" -eq "$5" ]; then return 0; fi
        if [ -n "$5" ] && [ "$size_of" -gt "$5" ]; then fail 65 "$host sent more than the $5 bytes of $repository/$1."; fi
        fetch_why='the connection broke off'
        ;;
      401)
        if [ -z "$left_origin" ] && [ -z "$fetch_asked" ]; then
          fetch_asked=yes
          authenticate
          continue
        fi
        fail 77 "$host does not let you read $repository.${login_hint:+ $login_hint}"
        ;;
      403) fail 77 "$host does not let you read $repository (403).${login_hint:+ $login_hint}" ;;
      404) return 4 ;;
      408 | 429 | 500 | 502 | 503 | 504) fetch_why="it answered $http_code" ;;
      000)
        case $(cat "$work/log") in
          *'certificate validation not implemented'*) ;;
          *[Cc]ertificate* | *SSL* | *TLS*) fail 69 "$host could not be reached safely: $(log_line)" ;;
        esac
        fetch_why="it did not answer: $(log_line)"
        ;;
      *) fail 69 "$host answered $http_code for $repository/$1." ;;
    esac
    [ "$fetch_try" -lt 5 ] || fail 69 "$host failed 5 times for $repository/$1: $fetch_why"
    wait_for_retry "$fetch_try"
    fetch_try=$((fetch_try + 1))
  done
}

# The last line that the client wrote, without control characters.
log_line() { tail -n 1 "$work/log" | tr -d '\000-\037\177' | cut -c 1-200; }

# Waits as long as the server asks for, at most a minute; else longer with each try.
wait_for_retry() {
  retry_seconds=$(header retry-after | head -n 1)
  case $retry_seconds in
    '' | *[!0-9]* | ????*) retry_seconds=$1 ;;
  esac
  [ "$retry_seconds" -le 60 ] || fail 69 "$host asks to wait $retry_seconds seconds. Try again later."
  sleep "$retry_seconds"
}

# Answers the challenge in $work/headers: sets $authorization. A login is shown only to the registry that it is for, and to a token
# service that belongs to it (src/registry/realm.ts).
authenticate() {
  [ "$client" != busybox ] || fail 69 "$host wants a token or a login, which the wget of busybox cannot be given safely. Install curl or GNU wget."
  challenge=$(header www-authenticate | awk "$AWK_CHALLENGE")
  case $challenge in
    bearer*)
      challenge=${challenge#*"$nl"}
      realm=${challenge%%"$nl"*}
      service=
      case $challenge in *"$nl"*) service=${challenge#*"$nl"} ;; esac
      check_url "$realm"
      case $realm in *\?*) realm_query=$realm\& ;; *) realm_query=$realm\? ;; esac
      [ -z "$service" ] || realm_query=${realm_query}service=$(task=escape text=$service subject=service awk "$AWK_JSON$AWK_TEXT" </dev/null)\&
      realm_query=${realm_query}scope=$(task=escape text="repository:$repository:pull" subject=scope awk "$AWK_JSON$AWK_TEXT" </dev/null)
      token_login=
      if [ -n "$login" ] && realm_belongs "$realm"; then token_login="Basic $login"; fi
      token_try=1
      while :; do
        get "$realm_query" "$work/token" 262144 "$token_login" 'application/json'
        case $http_code in
          200) break ;;
          401 | 403) fail 77 "The token service of $host refuses a token for $repository.${login_hint:+ $login_hint}" ;;
          000 | 429 | 5??) ;;
          *) fail 69 "The token service of $host answered $http_code." ;;
        esac
        [ "$token_try" -lt 5 ] || fail 69 "The token service of $host answers $http_code again and again."
        wait_for_retry "$token_try"
        token_try=$((token_try + 1))
      done
      if has_controls "$work/token"; then fail 69 "The token service of $host answered with what is no JSON."; fi
      authorization=$(task=token subject="the answer of the token service of $host" awk "$AWK_JSON$AWK_TEXT" <"$work/token") || exit 69
      authorization="Bearer $authorization"
      rm -f "$work/token"
      ;;
    basic)
      [ -n "$login" ] || fail 77 "$host wants a login. $login_hint"
      authorization="Basic $login"
      ;;
    *) fail 77 "$host wants a login of a kind that this script does not know." ;;
  esac
}

# Whether the login of the registry may be shown to a token service: over https, or on this machine as the registry is; at the
# same host, one above or below it, or one of the same organisation.
realm_belongs() {
  realm_host=${1#*://}
  realm_host=$(printf '%s' "${realm_host%%[/?#]*}" | tr 'A-Z' 'a-z')
  realm_name=${realm_host%:*}
  registry_name=${registry%:*}
  case $1 in
    https://*) ;;
    *) is_loopback "$realm_name" && is_loopback "$registry_name" || return 1 ;;
  esac
  if is_loopback "$realm_name" && ! is_loopback "$registry_name"; then return 1; fi
  [ "$realm_name" != "$registry_name" ] || return 0
  case $realm_name$registry_name in *\[*) return 1 ;; esac
  case $realm_name in *[!0-9.]*) ;; *) return 1 ;; esac
  case $registry_name in *[!0-9.]*) ;; *) return 1 ;; esac
  case $realm_name in *.*) ;; *) return 1 ;; esac
  case $registry_name in *.*) ;; *) return 1 ;; esac
  case $realm_name in *".$registry_name") return 0 ;; esac
  case $registry_name in *".$realm_name") return 0 ;; esac
  [ "$(organisation "$realm_name")" = "$(organisation "$registry_name")" ]
}

# The part of a name that an organisation registers: two labels, or three below such as co.uk.
organisation() {
  printf '%s\n' "$1" | awk -F . '{ take = NF > 2 && length($NF) == 2 && length($(NF - 1)) <= 3 ? 3 : 2; out = ""; for (i = NF - take + 1; i <= NF; i++) if (i > 0) out = out "." $i; print out }'
}

is_loopback() {
  case $1 in
    localhost | *.localhost | '[::1]' | ::1) return 0 ;;
    127.*) case $1 in *[!0-9.]* | *.*.*.*.*) return 1 ;; *.*.*.*) return 0 ;; esac ;;
  esac
  return 1
}
