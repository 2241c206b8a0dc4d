#!/usr/bin/env bash
# What a user's pipeline makes of the engine: it takes the template, and needs to know whose it is.
set -euo pipefail
template=$("$GENERATION_DIR/createTemplate.sh" -p aws -u store)
unit=$(node -p 'JSON.parse(process.argv[1]).unit ?? ""' "$template")
if [[ -z $unit ]]; then
  echo "deploy: the template does not tell its unit" >&2
  exit 1
fi
echo "deployed the $unit"
