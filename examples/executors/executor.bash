#!/usr/bin/env bash
# An executor in bash: finds the engine by the on-disk contract, with nothing but bash, and shows files of its parts.
# Usage: executor.bash TYPE/PATH...    for instance: executor.bash core-engine/client/client.ftl
set -euo pipefail

store=${ENGINESHED_HOME:-}
if [[ -z $store ]]; then
  data=${XDG_DATA_HOME:-}
  [[ $data == /* ]] || data=$HOME/.local/share
  store=$data/engineshed
fi

# NAME is what is installed under it; NAME@ID one exact state; without either, the active engine.
engine=${ENGINESHED_ENGINE:-${HAMLET_ENGINE:-}}
case $engine in
  '') state=$store/current ;;
  *@*) state=$store/engines/${engine%@*}/${engine##*@} ;;
  *) state=$store/engines/$engine/active ;;
esac

# Resolved once: another engine may become the active one while this runs.
if ! state=$(cd -P -- "$state" 2>/dev/null && pwd); then
  echo "There is no engine at $state. Install one with: engineshed install" >&2
  exit 66
fi

# shellcheck source=/dev/null
. "$state/env"

for asked; do
  file=$state/parts/$asked
  [[ -f $file ]] || { echo "The engine has no $asked" >&2; exit 66; }
  cat -- "$file"
done
