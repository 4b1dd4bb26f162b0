"""How each trainer loads the clips of a dataset: retimed, put into buckets, cut, or passed over."""

from __future__ import annotations

from instancecap.datasets.export import configured_loaders as configured
from instancecap.datasets.export import simple_loaders as simple
from instancecap.datasets.export.rules import Loader

LOADERS: dict[str, Loader] = {
    "finetrainers": configured.load_finetrainers,
    "musubi-tuner": configured.load_musubi,
    "diffusion-pipe": configured.load_diffusion_pipe,
    "videox-fun": simple.load_videox_fun,
    "diffsynth": simple.load_diffsynth,
    "open-sora-1.2": simple.load_open_sora_1,
    "open-sora-2": simple.load_open_sora_2,
    "cogvideo": simple.load_cogvideo,
    "cogvideo-sat": simple.load_cogvideo_sat,
    "ai-toolkit": configured.load_ai_toolkit,
    "simpletuner": configured.load_simpletuner,
    "onetrainer": simple.load_onetrainer,
    "fastvideo": configured.load_fastvideo,
    "ltx-2": simple.load_by_rules,
    "cosmos3": simple.load_by_rules,
    "mochi": simple.load_mochi,
    "videofolder": simple.load_all,
    "webdataset": simple.load_all,
    "llama-factory": simple.load_llama_factory,
    "ms-swift": simple.load_ms_swift,
    "unsloth": simple.load_ms_swift,  # it has the same arithmetic: unsloth_zoo/vision_utils.py
    "trl": simple.load_all,  # the pictures that were saved
}
