#!/usr/bin/env bash
# manageUnits.sh UNIT: the template of a unit for every provider, as a pipeline wants them.
set -euo pipefail
for provider in aws azure; do "$GENERATION_DIR/createTemplate.sh" -p "$provider" -u "$1"; done
