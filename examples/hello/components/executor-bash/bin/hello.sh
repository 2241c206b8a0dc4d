#!/usr/bin/env bash
# The executor: renders the engine's template with what the plugins add. It knows the engine by its environment only.
set -euo pipefail

: "${HELLO_ENGINE_DIR:?is not set: run me with: engineshed exec ENGINE -- ..., or eval \"\$(engineshed env)\" first}"

name="${1:-world}"
text="$(< "${HELLO_ENGINE_DIR}/templates/greeting.txt")"
text="${text//\{name\}/${name}}"

IFS=';' read -r -a plugins <<< "${HELLO_PLUGIN_DIRS:-}"
for plugin in "${plugins[@]}"; do
  # shellcheck source=/dev/null
  source "${plugin}/plugin.sh"
  text="$(transform "${text}")"
done

printf '%s\n' "${text}"
