#!/usr/bin/env bash
# Captions in, a captioner out: measure and describe, hold some clips out, train, use.
set -euo pipefail
clips=$1 model=${2:-Qwen/Qwen2.5-VL-7B-Instruct} out=${3:-captioner}

python -m recipes.captioner --model "$model" --captions "$clips/captions" \
    --held-out "$clips/held_out" --out "$out"
instancecap caption "$clips/new" --out "$out/captions" --captioner mllm \
    --mllm-model "$out/merged" --mode single --single-format instancecap
