#!/usr/bin/env bash
# createTemplate.sh -p PROVIDER -u UNIT: prints the template of a unit, by the engine, the plugins and the wrapper that the
# environment names.
set -euo pipefail
while getopts 'p:u:' option; do
  case $option in
    p) provider=$OPTARG ;;
    u) unit=$OPTARG ;;
    *) exit 64 ;;
  esac
done
IFS=';' read -ra plugins <<< "$GENERATION_PLUGIN_DIRS"
directories=()
for plugin in "${plugins[@]}"; do directories+=(-d "$plugin"); done

exec "$GENERATION_WRAPPER_SCRIPT_FILE" -i "$GENERATION_ENGINE_DIR/client/unit.ftl" "${directories[@]}" \
  -v product=shop -v "provider=$provider" -v "unit=$unit"
