"""What the networks of a cluster cost at their real size: ``python -m benchmarks.cluster``.

Each network is built from its configuration, with random weights, and shown pictures of the size
that it works at. Where a CUDA GPU is there it runs on it in half precision: clips a second and the
peak of memory are measured. Else it looks at one picture on the CPU, and the rest is computed:
operations as torch's ``FlopCounterMode`` counts them (two a multiply-add), and memory as two bytes
a parameter and, for each picture of a batch, half of the most bytes of other tensors that are alive
at once. Every figure says which.

A clip is one of six seconds: 24 pictures for a detector and 18 closer looks, its most; 48 pictures
for a segmenter. Needs the extra ``models``.
"""

from __future__ import annotations

import argparse
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from instancecap.evidence.experts.neural.batches import AT_ONCE
from instancecap.models.hub import HALF, KNOWN

SINGLE = 4
"""Bytes of a number in single precision."""

SHOWN = {"detector": 24 + 18, "segmenter": 48}
"""Pictures of a clip of six seconds, by kind of expert."""

PHRASE_TOKENS, PHRASES, BOXES = 64, 20, 3
"""Tokens of the text that an open detector is asked for, its phrases, and boxes of a segmenter."""


@dataclass(frozen=True)
class Network:
    """How a network is built from the transformers library, and what it is shown."""

    build: Callable[[Any], Any]
    inputs: Callable[[Any, int], dict[str, Any]]


@dataclass(frozen=True)
class Cost:
    """Of one network; a clip's are of :data:`SHOWN` pictures in batches.

    Attributes:
        tera: operations a clip in 10^12; 0 where they were not counted.
        weights, activations: MB.
        clips: a second, 0 where nothing ran.
    """

    id: str
    parameters: float
    tera: float
    weights: float
    activations: float
    clips: float = 0.0


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


def owl_v2(library: Any) -> Any:
    """OWLv2, base, with patches of 16 pixels."""
    vision = library.Owlv2VisionConfig(image_size=960, patch_size=16)
    return library.Owlv2ForObjectDetection(library.Owlv2Config(vision_config=vision.to_dict()))


def pictures(torch: Any, batch: int, *, height: int = 640, width: int = 640) -> dict[str, Any]:
    """Pixels of a batch."""
    return {"pixel_values": torch.zeros(batch, 3, height, width)}


def with_boxes(torch: Any, batch: int) -> dict[str, Any]:
    """A batch at 1,024 pixels, with boxes to fill."""
    boxes = torch.zeros(batch, BOXES, 4)
    return pictures(torch, batch, height=1024, width=1024) | {"input_boxes": boxes}


def with_caption(torch: Any, batch: int) -> dict[str, Any]:
    """A batch for Grounding DINO, whose shorter side is 750 pixels of 16:9, and its phrases."""
    ids = torch.ones(batch, PHRASE_TOKENS, dtype=torch.long)
    return pictures(torch, batch, height=750, width=1333) | {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }


def with_phrases(torch: Any, batch: int) -> dict[str, Any]:
    """A batch for OWLv2, and phrases for each picture."""
    ids = torch.ones(batch * PHRASES, 16, dtype=torch.long)
    return pictures(torch, batch, height=960, width=960) | {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }


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
    "IDEA-Research/grounding-dino-tiny": Network(
        lambda library: library.GroundingDinoForObjectDetection(library.GroundingDinoConfig()),
        with_caption,
    ),
    "google/owlv2-base-patch16-ensemble": Network(owl_v2, with_phrases),
    "facebook/sam2.1-hiera-tiny": Network(
        lambda library: library.Sam2Model(library.Sam2Config()), with_boxes
    ),
}  # fmt: skip
"""Those whose configuration is the library's own, or known from how their weights were converted:
each has as many parameters as its card says. Of SAM 2.1 it is the part that looks at pictures."""


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
    shown = SHOWN[KNOWN[id].kind]
    with torch.inference_mode():
        model = network.build(transformers).eval()
        parameters = sum(one.numel() for one in model.parameters()) / 1e6
        if torch.cuda.is_available():
            clips, activations = _measure(torch, model, network.inputs(torch, batch), shown / batch)
            return Cost(id, parameters, 0.0, HALF * parameters, activations, clips)
        tera, activations = _count(torch, model, network.inputs(torch, 1))
    return Cost(id, parameters, tera * shown, HALF * parameters, activations * batch)


def _measure(torch: Any, model: Any, inputs: dict[str, Any], batches: float) -> tuple[float, float]:
    """Clips a second, and MB beside the weights, in half precision on the GPU."""
    model = model.half().cuda()
    inputs = {
        name: (value.half() if value.is_floating_point() else value).cuda()
        for name, value in inputs.items()
    }
    model(**inputs)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 2:
        model(**inputs)
        torch.cuda.synchronize()
        rounds += 1
    seconds = (time.perf_counter() - began) / rounds
    peak = torch.cuda.max_memory_allocated() - before
    return 1 / (seconds * batches), peak / 1e6


def _count(torch: Any, model: Any, inputs: dict[str, Any]) -> tuple[float, float]:
    """Operations in 10^12, and MB beside the weights, of one picture in half precision."""
    from torch.utils.flop_counter import FlopCounterMode

    live = LiveBytes(torch)
    with FlopCounterMode(display=False) as counter, live.watching:
        model(**inputs)
    return counter.get_total_flops() / 1e12, live.most / SINGLE * HALF / 1e6


def table(costs: Sequence[Cost], *, batch: int) -> str:
    """A line a network."""
    lines = [
        f"| network, batches of {batch}, half precision | parameters | operations a clip "
        "| weights | beside them | clips a second |",
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
    parser.add_argument("--only", default="", help="networks whose id contains this")
    options = parser.parse_args()
    chosen = {id: one for id, one in NETWORKS.items() if options.only in id}
    costs = [cost(id, network, batch=options.batch) for id, network in chosen.items()]
    print(table(costs, batch=options.batch))


if __name__ == "__main__":
    main()
