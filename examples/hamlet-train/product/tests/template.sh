#!/usr/bin/env bash
# template.sh PROVIDER: the template of a store can be made, and is JSON.
set -euo pipefail
template=$("$GENERATION_DIR/createTemplate.sh" -p "$1" -u store)
node -e 'JSON.parse(process.argv[1])' "$template"
