"""Detectors of the transformers library: real classes, tiny, with random weights.

They prove that a folder is loaded, shown pictures and read; never what a trained one finds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instancecap as ic
from instancecap.errors import MissingDependency
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS
from instancecap.models.detector import BatchDetector

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]

LABELS = dict(enumerate(["person", "motorbike", "zeppelin"]))


def rt_detr(transformers: Any) -> Any:
    """RT-DETRv2 with some 100,000 weights."""
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    return transformers.RTDetrV2ForObjectDetection(
        transformers.RTDetrV2Config(
            backbone_config=backbone,
            encoder_in_channels=[8, 16, 16],
            decoder_n_points=2,
            **SIZES,
        )
    )


def d_fine(transformers: Any) -> Any:
    """D-FINE, as small."""
    backbone = transformers.HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    return transformers.DFineForObjectDetection(
        transformers.DFineConfig(
            backbone_config=backbone,
            encoder_in_channels=[16, 16, 16],
            decoder_n_points=[2, 2, 2],
            **SIZES,
        )
    )


def rf_detr(transformers: Any) -> Any:
    """RF-DETR, on a DINOv2 as small."""
    backbone = transformers.RfDetrDinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=1,
        image_size=64,
        patch_size=16,
        num_windows=1,
        out_features=["stage2", "stage4"],
    )
    model = transformers.RfDetrForObjectDetection(
        transformers.RfDetrConfig(
            backbone_config=backbone,
            d_model=16,
            decoder_layers=2,
            decoder_ffn_dim=16,
            decoder_self_attention_heads=2,
            decoder_cross_attention_heads=2,
            decoder_n_points=2,
            num_queries=16,
            group_detr=1,
            c2f_num_blocks=1,
            **LABELED,
        )
    )
    model.class_embed.bias.data.zero_()  # untrained ones answer that there is nothing
    return model


def detr(transformers: Any) -> Any:
    """DETR, whose last class is nothing."""
    backbone = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage4"],
    )
    return transformers.DetrForObjectDetection(
        transformers.DetrConfig(
            backbone_config=backbone,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            num_queries=30,
            **LABELED,
        )
    )


LABELED: dict[str, Any] = {
    "id2label": LABELS,
    "label2id": {name: index for index, name in LABELS.items()},
}

SIZES: dict[str, Any] = {
    "feat_strides": [8, 16, 32],
    "encoder_hidden_dim": 16,
    "encoder_layers": 1,
    "encoder_ffn_dim": 16,
    "encoder_attention_heads": 2,
    "d_model": 16,
    "decoder_in_channels": [16, 16, 16],
    "decoder_layers": 2,
    "decoder_ffn_dim": 16,
    "decoder_attention_heads": 2,
    "num_queries": 30,
    "num_denoising": 0,
    **LABELED,
}


@pytest.fixture(scope="module", params=[rt_detr, d_fine, rf_detr, detr])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers
    from transformers.models.rt_detr import RTDetrImageProcessorPil

    torch.manual_seed(0)
    made: Path = tmp_path_factory.mktemp("weights") / "tiny"
    request.param(transformers).save_pretrained(made)
    RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(made)
    return made


def test_a_folder_is_loaded_and_answers_the_same_twice(folder: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    first, second = (DETECTORS.open(str(folder)).detect(picture) for _ in range(2))
    assert first.scores.shape == (len(first.boxes), 81), "zeppelin is its own class"
    assert len(first.boxes), "untrained queries answer with scores near one half"
    assert ((first.boxes >= 0) & (first.boxes <= 1)).all()
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_several_pictures_at_once_are_answered_as_one_by_one(folder: Path) -> None:
    random = np.random.default_rng(0)
    shapes = [(90, 160, 3), (160, 90, 3), (64, 64, 3)]
    pictures = [random.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    detector = DETECTORS.open(str(folder))
    assert isinstance(detector, BatchDetector)
    detector._batches.size = 2  # type: ignore[attr-defined]
    for found, picture in zip(detector.detect_batch(pictures), pictures, strict=True):
        alone = detector.detect(picture)
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-4)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-4)


def test_a_clip_is_measured_with_it(
    folder: Path, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    clip = make_video(tmp_path / "square.mp4", frames=12, size=(160, 120))
    chosen = Cluster(detector=str(folder))
    cluster.forget_models()
    evidence = ic.measure(clip, cluster=chosen)
    assert evidence.models["detector"] == "tiny"
    assert {item.source for item in evidence.instances} <= {"tiny", "motion"}
    again = ic.measure(clip, cluster=chosen)
    assert again.instances == evidence.instances
    cluster.forget_models()


def test_what_cannot_be_loaded_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    with pytest.raises(MissingDependency, match=r"^--detector no/such cannot .* a folder with"):
        DETECTORS.open("no/such")
    with pytest.raises(MissingDependency, match=r"^--detector .*: the folder has no config\.json;"):
        DETECTORS.open(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MissingDependency, match=r"^--detector .* cannot be loaded: ") as error:
        DETECTORS.open(str(tmp_path))
    assert "\n" not in str(error.value) and "models pull" not in str(error.value)


def test_an_export_of_detr_finds_what_detr_finds(tmp_path: Path) -> None:
    import torch
    import transformers
    from transformers.models.detr import DetrImageProcessorPil

    class Outputs(torch.nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, pictures: Any) -> Any:
            found = self.model(pixel_values=pictures)
            return found.logits, found.pred_boxes

    torch.manual_seed(0)
    folder = tmp_path / "yard"
    model = detr(transformers).eval()
    model.save_pretrained(folder)
    DetrImageProcessorPil(size={"height": 64, "width": 96}).save_pretrained(folder)
    names = {"input_names": ["pixel_values"], "output_names": ["logits", "pred_boxes"]}
    shown = (torch.rand(1, 3, 64, 96),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter says much of itself
        torch.onnx.export(Outputs(model), shown, folder / "model.onnx", dynamo=False, **names)

    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    exported = DETECTORS.open(str(folder / "model.onnx"))
    found, expected = exported.detect(picture), DETECTORS.open(str(folder)).detect(picture)
    assert exported.name == "yard"
    assert found.own == expected.own == ("zeppelin",)
    assert len(found.boxes)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
