#!/usr/bin/env bash
# Captions in, a captioner out that has learned camera, shot and positions from the experts.
set -euo pipefail
captions=$1 model=${2:-Qwen/Qwen2.5-VL-7B-Instruct} out=${3:-distilled}

python -m recipes.distill --captions "$captions" --out "$out/captions"
python -m recipes.captioner --model "$model" --captions "$out/captions" --out "$out"
