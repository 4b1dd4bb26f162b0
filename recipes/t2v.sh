#!/usr/bin/env bash
# Clips in, an adapter for a text-to-video model out.
set -euo pipefail
clips=$1 model=${2:-Wan-AI/Wan2.1-T2V-1.3B-Diffusers} out=${3:-wan-lora}

instancecap caption "$clips" --out "$out/captions"
accelerate launch -m recipes.t2v --model "$model" --captions "$out/captions" --out "$out"
