#!/usr/bin/env bash
# Preference pairs in, a captioner out that prefers what was measured.
set -euo pipefail
pairs=$1 model=${2:-captioner/merged} out=${3:-preferring}

python -m recipes.dpo --model "$model" --pairs "$pairs" --out "$out"
