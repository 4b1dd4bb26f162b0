"""What the networks of a cluster cost at their real size: ``python -m benchmarks.cluster``.

Each network is built from its configuration, with random weights, and shown pictures of the size
that it works at. Where a CUDA GPU is there it runs on it, in half precision where the expert does:
clips a second and the peak of memory are measured. Else it is asked once on the CPU, and the rest
is computed: operations as torch's ``FlopCounterMode`` counts them (two a multiply-add), and memory
as the bytes of the parameters and the most bytes of other tensors that are alive at once, times the
pictures of a batch. Every figure says which.

A clip is one of six seconds: 24 pictures for a detector and 18 closer looks, its most; 48 pictures
through which SAM follows one thing. A preset is the sum of its networks, but for its camera model,
which transformers does not have. Needs the extra ``models``.
"""

from __future__ import annotations

import argparse
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from instancecap.evidence.choice import PRESETS
from instancecap.evidence.experts.neural.batches import AT_ONCE
from instancecap.models.hub import KNOWN, SINGLE

SHOWN = {"detector": 24 + 18, "segmenter": 48}
"""Pictures of a clip of six seconds, by kind of expert."""

PHRASE_TOKENS, PHRASES = 64, 20
"""Tokens of the text that an open detector is asked for, and its phrases."""

FOLLOWED = 2
"""Pictures through which a tracker follows a thing: one with its box, and one with memory."""

Asked = Callable[[], object]


@dataclass(frozen=True)
class Network:
    """How a network is built from the transformers library, and how it is asked.

    Attributes:
        ask: from torch, the network, and a number of pictures, what asks it about them.
        at_once: how many pictures that is; 0 for any number.
    """

    build: Callable[[Any], Any]
    ask: Callable[[Any, Any, int], Asked]
    at_once: int = 0


@dataclass(frozen=True)
class Cost:
    """Of one network, or of several.

    Attributes:
        parameters: in millions.
        tera: operations a clip in 10^12; 0 where they were not counted.
        weights, activations: MB.
        clips: a second, 0 where nothing was measured.
    """

    id: str
    parameters: float
    tera: float
    weights: float
    activations: float
    clips: float = 0.0


# Networks ----------------------------------------------------------------------------------------


def rt_detr(library: Any, depths: Sequence[int], decoder: int, **more: Any) -> Any:
    """RT-DETRv2 on a ResNet: of two convolutions a block where the input channels are few."""
    basic = more["encoder_in_channels"][-1] == 512
    backbone = library.RTDetrResNetConfig(
        depths=list(depths),
        layer_type="basic" if basic else "bottleneck",
        hidden_sizes=[64, 128, 256, 512] if basic else [256, 512, 1024, 2048],
        out_features=["stage2", "stage3", "stage4"],
    )
    return library.RTDetrV2ForObjectDetection(
        library.RTDetrV2Config(
            backbone_config=backbone,
            decoder_layers=decoder,
            hidden_expansion=0.5 if basic else 1.0,
            num_labels=80,
            **more,
        )
    )


def swin(library: Any, width: int, heads: Sequence[int]) -> Any:
    """The picture encoder of larger Grounding DINOs."""
    return library.SwinConfig(
        embed_dim=width,
        depths=[2, 2, 18, 2],
        num_heads=list(heads),
        window_size=12,
        image_size=384,
        out_features=["stage2", "stage3", "stage4"],
    )


def owl_v2(library: Any) -> Any:
    """OWLv2, base, with patches of 16 pixels."""
    vision = library.Owlv2VisionConfig(image_size=960, patch_size=16)
    return library.Owlv2ForObjectDetection(library.Owlv2Config(vision_config=vision.to_dict()))


def sam_large(library: Any) -> Any:
    """SAM 2.1 with its largest picture encoder."""
    encoder = library.Sam2HieraDetConfig(
        hidden_size=144,
        blocks_per_stage=[2, 6, 36, 4],
        embed_dim_per_stage=[144, 288, 576, 1152],
        num_attention_heads=2,
        num_attention_heads_per_stage=[2, 4, 8, 16],
        window_size_per_stage=[8, 4, 16, 8],
        global_attention_blocks=[23, 33, 43],
    )
    vision = library.Sam2VisionConfig(
        backbone_config=encoder, backbone_channel_list=[1152, 576, 288, 144]
    )
    return library.Sam2VideoModel(library.Sam2VideoConfig(vision_config=vision))


def _pixels(torch: Any, model: Any, count: int, *, height: int = 640, width: int = 640) -> Any:
    return torch.zeros(count, 3, height, width, device=model.device, dtype=model.dtype)


def pictures(torch: Any, model: Any, batch: int) -> Asked:
    """A batch at 640 pixels."""
    return partial(model, pixel_values=_pixels(torch, model, batch))


def with_caption(torch: Any, model: Any, batch: int) -> Asked:
    """A batch for Grounding DINO, whose shorter side is 750 pixels of 16:9, and its phrases."""
    ids = torch.ones(batch, PHRASE_TOKENS, dtype=torch.long, device=model.device)
    shown = _pixels(torch, model, batch, height=750, width=1333)
    return partial(model, pixel_values=shown, input_ids=ids, attention_mask=torch.ones_like(ids))


def with_phrases(torch: Any, model: Any, batch: int) -> Asked:
    """A batch for OWLv2, and phrases for each picture."""
    ids = torch.ones(batch * PHRASES, 16, dtype=torch.long, device=model.device)
    shown = _pixels(torch, model, batch, height=960, width=960)
    return partial(model, pixel_values=shown, input_ids=ids, attention_mask=torch.ones_like(ids))


def follow(torch: Any, model: Any, count: int) -> Asked:
    """A thing through the pictures of a window, from a box in the first one."""
    from transformers import Sam2VideoInferenceSession

    video = _pixels(torch, model, count, height=1024, width=1024)

    def ask() -> None:
        session = Sam2VideoInferenceSession(
            video=video,
            video_height=1024,
            video_width=1024,
            dtype=model.dtype,
            inference_device=model.device,
            inference_state_device=model.device,
            max_vision_features_cache_size=count,
        )
        corners = torch.tensor([[[[100.0, 100.0], [500.0, 500.0]]]], dtype=model.dtype)
        labels = torch.tensor([[[2, 3]]], dtype=torch.int32)
        points = {"point_coords": corners, "point_labels": labels}
        session.add_point_inputs(session.obj_id_to_idx(0), 0, points)
        session.obj_with_new_inputs = [0]
        model(session, frame_idx=0)
        for _ in model.propagate_in_video_iterator(session, start_frame_idx=0):
            pass

    return ask


SMALL, LARGE = [128, 256, 512], [512, 1024, 2048]

NETWORKS: dict[str, Network] = {
    "PekingU/rtdetr_v2_r18vd": Network(
        lambda library: rt_detr(library, [2, 2, 2, 2], 3, encoder_in_channels=SMALL), pictures
    ),
    "PekingU/rtdetr_v2_r34vd": Network(
        lambda library: rt_detr(library, [3, 4, 6, 3], 4, encoder_in_channels=SMALL), pictures
    ),
    "PekingU/rtdetr_v2_r50vd": Network(
        lambda library: rt_detr(library, [3, 4, 6, 3], 6, encoder_in_channels=LARGE), pictures
    ),
    "PekingU/rtdetr_v2_r101vd": Network(
        lambda library: rt_detr(
            library, [3, 4, 23, 3], 6, encoder_in_channels=LARGE,
            encoder_hidden_dim=384, encoder_ffn_dim=2048, decoder_in_channels=[384] * 3,
        ),
        pictures,
    ),
    "ustc-community/dfine-large-coco": Network(
        lambda library: library.DFineForObjectDetection(library.DFineConfig(num_labels=80)),
        pictures,
    ),
    "google/owlv2-base-patch16-ensemble": Network(owl_v2, with_phrases),
    "IDEA-Research/grounding-dino-tiny": Network(
        lambda library: library.GroundingDinoForObjectDetection(library.GroundingDinoConfig()),
        with_caption,
    ),
    "IDEA-Research/grounding-dino-base": Network(
        lambda library: library.GroundingDinoForObjectDetection(
            library.GroundingDinoConfig(backbone_config=swin(library, 128, [4, 8, 16, 32]))
        ),
        with_caption,
    ),
    "iSEE-Laboratory/llmdet_large": Network(
        lambda library: library.MMGroundingDinoForObjectDetection(
            library.MMGroundingDinoConfig(backbone_config=swin(library, 192, [6, 12, 24, 48]))
        ),
        with_caption,
    ),
    "facebook/sam2.1-hiera-tiny": Network(
        lambda library: library.Sam2VideoModel(library.Sam2VideoConfig()), follow, FOLLOWED
    ),
    "facebook/sam2.1-hiera-large": Network(sam_large, follow, FOLLOWED),
}  # fmt: skip
"""Those whose configuration is the library's own, or known from how their weights were converted:
each has as many parameters as its card says."""


# What they cost ----------------------------------------------------------------------------------


class LiveBytes:
    """The most bytes of tensors that are alive at once, of those made while it watches."""

    def __init__(self, torch: Any) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode

        self.most = 0
        now, known, watcher = [0], set(), self

        def take(size: int, key: int) -> None:
            now[0] -= size
            known.discard(key)

        class Watch(TorchDispatchMode):  # type: ignore[misc]
            def __torch_dispatch__(
                self, function: Any, types: Any, args: Any = (), kwargs: Any = None
            ) -> Any:
                answer = function(*args, **(kwargs or {}))
                for tensor in torch.utils._pytree.tree_leaves(answer):
                    if isinstance(tensor, torch.Tensor):
                        storage = tensor.untyped_storage()
                        key = storage._cdata
                        if key not in known:
                            known.add(key)
                            now[0] += storage.nbytes()
                            weakref.finalize(storage, take, storage.nbytes(), key)
                            watcher.most = max(watcher.most, now[0])
                return answer

        self.watching = Watch()


def cost(id: str, network: Network, *, batch: int) -> Cost:
    """What a network costs, measured on a GPU or computed without one."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    shown, number = SHOWN[KNOWN[id].kind], KNOWN[id].number
    with torch.inference_mode():
        model = network.build(transformers).eval()
        parameters = sum(one.numel() for one in model.parameters()) / 1e6
        weights = number * parameters
        if torch.cuda.is_available():
            model = model.cuda() if number == SINGLE else model.bfloat16().cuda()
            at_once = network.at_once or batch
            clips, beside = _measure(torch, network.ask(torch, model, at_once), shown / at_once)
            return Cost(id, parameters, 0.0, weights, beside, clips)
        at_once = network.at_once or 1
        tera, beside = _count(torch, network.ask(torch, model, at_once))
    beside *= number / SINGLE * (1 if network.at_once else batch)
    return Cost(id, parameters, tera * shown / at_once, weights, beside)


def _measure(torch: Any, ask: Asked, batches: float) -> tuple[float, float]:
    """Clips a second, and MB beside the weights, on the GPU."""
    ask()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 2:
        ask()
        torch.cuda.synchronize()
        rounds += 1
    seconds = (time.perf_counter() - began) / rounds
    peak = torch.cuda.max_memory_allocated() - before
    return 1 / (seconds * batches), peak / 1e6


def _count(torch: Any, ask: Asked) -> tuple[float, float]:
    """Operations in 10^12, and MB beside the weights in single precision."""
    from torch.utils.flop_counter import FlopCounterMode

    live = LiveBytes(torch)
    with FlopCounterMode(display=False) as counter, live.watching:
        ask()
    return counter.get_total_flops() / 1e12, live.most / 1e6


def together(preset: str, costs: Sequence[Cost]) -> Cost | None:
    """The networks of a preset, each once: they work one after the other, and all are loaded.

    None where it has none of :data:`NETWORKS`, or one was not looked at.
    """
    names = {name for name in PRESETS[preset].values() if name in NETWORKS}
    own = [one for one in costs if one.id in names]
    if not own or len(own) < len(names):
        return None
    return Cost(
        f"--cluster {preset}",
        sum(one.parameters for one in own),
        sum(one.tera for one in own),
        sum(one.weights for one in own),
        max(one.activations for one in own),
        1 / sum(1 / one.clips for one in own) if all(one.clips for one in own) else 0.0,
    )


def table(costs: Sequence[Cost], *, batch: int) -> str:
    """A line a network."""
    lines = [
        f"| batches of {batch} | parameters | operations a clip | weights | beside them "
        "| clips a second |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in costs:
        how = "measured" if one.clips else "computed"
        lines.append(
            f"| `{one.id}` | {one.parameters:.1f} M "
            f"| {f'{one.tera:.1f} T (computed)' if one.tera else 'not counted'} "
            f"| {one.weights:.0f} MB | {one.activations:.0f} MB ({how}) "
            f"| {f'{one.clips:.1f}' if one.clips else 'not measured'} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=AT_ONCE, help="pictures at once")
    parser.add_argument(
        "--only", default="", help="networks whose id contains one of these words, with commas"
    )
    options = parser.parse_args()
    words = options.only.split(",")
    chosen = {id: one for id, one in NETWORKS.items() if any(word in id for word in words)}
    costs = [cost(id, network, batch=options.batch) for id, network in chosen.items()]
    presets = [one for preset in PRESETS if (one := together(preset, costs)) is not None]
    print(table([*costs, *presets], batch=options.batch))


if __name__ == "__main__":
    main()
