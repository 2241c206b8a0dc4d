# --- Saying, failing, tools ---------------------------------------------------------------------------------------------------

nl='
'
tab='	'

say() { printf '%s\n' "engineshed: $*" >&2; }

# Ends with an exit status (those of the CLI: 64 usage, 65 data, 66 not found, 69 unavailable, 73 files, 77 permission) and a message.
fail() {
  fail_status=$1
  shift
  say "$*"
  exit "$fail_status"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Finds the programs that are needed, and says which are missing.
find_tools() {
  for tool in awk tar gzip od dd head tail tr sed find mkdir mv rm ln chmod cat ls sleep uname date touch sort cmp cut wc readlink grep cp rmdir; do
    have "$tool" || fail 69 "This needs the program $tool, which is not on the PATH."
  done
  if have sha256sum && have sha512sum; then hasher=coreutils
  elif have shasum; then hasher=shasum
  elif have openssl; then hasher=openssl
  else fail 69 'This needs sha256sum, shasum or openssl.'
  fi
  zstd=
  if have zstd; then zstd=yes; fi
  if have curl; then client=curl
  elif have wget; then
    case $(wget --version 2>&1 || :) in
      'GNU Wget 1.'*) client=wget ;;
      *[Bb]usy[Bb]ox*)
        client=busybox wget_timeout=
        case $(wget --help 2>&1 || :) in *'-T '*) wget_timeout='-T 60' ;; esac
        ;;
      *) fail 69 'This needs curl, GNU wget 1 or the wget of busybox; the wget here is another one.' ;;
    esac
  else fail 69 'This needs curl or wget.'
  fi
}

# Digests of files, one "HEX  NAME" per line, in order. $1 is 256 or 512.
digests() {
  digests_bits=$1
  shift
  case $hasher in
    coreutils) "sha${digests_bits}sum" "$@" ;;
    shasum) shasum -a "$digests_bits" "$@" ;;
    openssl) openssl dgst "-sha$digests_bits" -r "$@" ;;
  esac
}

# The digest of a file, in $digest. $1 is a digest with the wanted algorithm, $2 the file.
digest_of() {
  case $1 in
    sha512:*) digest_bits=512 ;;
    *) digest_bits=256 ;;
  esac
  # By its name some tools escape their answer.
  digest=$(digests "$digest_bits" <"$2") || fail 73 "$2 cannot be read."
  digest=sha$digest_bits:${digest%%[ *]*}
}

size_of() { size_of=$(wc -c <"$1"); size_of=$((size_of)); }

# Whether a JSON document has control characters that no JSON has, a NUL above all, which some awks do not see.
has_controls() { ! tr -d '\000-\010\013\014\016-\037' <"$1" | cmp -s - "$1"; }

random_hex() { od -An -N6 -tx1 /dev/urandom | tr -d ' \n'; }
