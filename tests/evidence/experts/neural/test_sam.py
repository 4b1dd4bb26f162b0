"""SAM 2.1 and EdgeTAM of the transformers library: real classes, tiny, with random weights.

They prove that a folder is loaded, shown pictures and boxes, and read; never what a trained one
sees.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instancecap as ic
from instancecap.errors import MissingDependency
from instancecap.evidence import cluster
from instancecap.evidence.build import measure
from instancecap.evidence.experts.neural import sam
from instancecap.evidence.segmenters import SEGMENTERS
from instancecap.evidence.trackers import TRACKERS
from instancecap.evidence.tracking.masklets import ConceptTracker
from instancecap.video import Clip

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]

SIDE = 64
PROMPT = {"hidden_size": 128, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
DECODER = {"hidden_size": 128, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
MEMORY: dict[str, Any] = {
    "image_size": SIDE,
    "memory_attention_hidden_size": 128,
    "memory_attention_num_layers": 1,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": 128,
    "mask_downsampler_embed_dim": 128,
    "memory_fuser_embed_dim": 128,
    "memory_fuser_intermediate_dim": 16,
    "memory_fuser_num_layers": 1,
}


def hiera(transformers: Any) -> Any:
    """The picture encoder of SAM 2, with some thousand weights."""
    return transformers.Sam2VisionConfig(
        backbone_config=transformers.Sam2HieraDetConfig(
            hidden_size=4,
            image_size=[SIDE, SIDE],
            embed_dim_per_stage=[4, 8, 12, 16],
            blocks_per_stage=[1, 1, 1, 1],
            global_attention_blocks=[],
            num_attention_heads_per_stage=[1, 1, 1, 1],
        ),
        backbone_channel_list=[16, 12, 8, 4],
        backbone_feature_sizes=[[SIDE // part] * 2 for part in (4, 8, 16)],
        fpn_hidden_size=128,
    )


def sam2(transformers: Any) -> Any:
    """SAM 2.1, some 800,000 weights."""
    return transformers.Sam2VideoModel(
        transformers.Sam2VideoConfig(
            vision_config=hiera(transformers),
            prompt_encoder_config=PROMPT,
            mask_decoder_config=DECODER,
            memory_attention_feed_forward_hidden_size=16,
            **MEMORY,
        )
    )


def edgetam(transformers: Any) -> Any:
    """EdgeTAM's memory, as small; its own picture encoder needs torchvision."""
    return transformers.EdgeTamVideoModel(
        transformers.EdgeTamVideoConfig(
            vision_config=hiera(transformers),
            prompt_encoder_config=PROMPT,
            mask_decoder_config=DECODER,
            memory_attention_mlp_hidden_size=16,
            memory_attention_rope_k_sizes=[2, 2],
            perceiver_resampler_num_latents=4,
            perceiver_resampler_num_latents_2d=4,
            perceiver_resampler_mlp_intermediate_size=8,
            **MEMORY,
        )
    )


def sam3(transformers: Any) -> Any:
    """SAM 3, its detector, its tracker and its words; it finds something in every picture."""
    small = {"hidden_size": 128, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vision = transformers.Sam3VisionConfig(
        backbone_config=transformers.Sam3ViTConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            patch_size=16,
            window_size=2,
            global_attn_indexes=[0],
            pretrain_image_size=SIDE,
        ),
        fpn_hidden_size=128,
    )
    tracker = transformers.Sam3TrackerVideoConfig(
        vision_config=vision.to_dict(),
        prompt_encoder_config=PROMPT,
        mask_decoder_config=DECODER,
        memory_attention_feed_forward_hidden_size=16,
        **{name: value for name, value in MEMORY.items() if name != "image_size"},
    )
    detector = transformers.Sam3Config(
        vision_config=vision.to_dict(),
        text_config=transformers.CLIPTextConfig(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=32,
            projection_dim=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=32,
            bos_token_id=0,
            eos_token_id=1,
        ),
        geometry_encoder_config=small,
        detr_encoder_config=small,
        detr_decoder_config=small | {"num_queries": 3},
        mask_decoder_config={"hidden_size": 128, "num_attention_heads": 2},
    )
    config = transformers.Sam3VideoConfig(
        detector_config=detector,
        tracker_config=tracker,
        low_res_mask_size=16,
        score_threshold_detection=0.0,
        new_det_thresh=0.0,
        hotstart_delay=0,
    )
    config.image_size = SIDE
    return transformers.Sam3VideoModel(config)


@pytest.fixture(scope="module", params=[sam2, edgetam], ids=["sam-2.1", "edgetam"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers

    torch.manual_seed(0)
    model = request.param(transformers)
    with torch.no_grad():  # untrained, it would see nothing half of the time
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(2.0)
    made: Path = tmp_path_factory.mktemp("weights") / "tiny"
    model.save_pretrained(made)
    return made


@pytest.fixture
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (90, 160, 3)).astype(np.uint8) for _ in range(6)]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    cluster.forget_models()
    yield
    cluster.forget_models()


LEFT, RIGHT = np.array([0.1, 0.1, 0.4, 0.8]), np.array([0.5, 0.3, 0.9, 0.9])


def test_memory_that_does_not_suffice_for_the_pictures_is_said(
    folder: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(**_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    tracker = sam.open_sam("tracker", str(folder))
    monkeypatch.setattr(tracker, "_session", full)
    with pytest.raises(MemoryError, match="tiny: the GPU's memory does not suffice"):
        list(tracker.track(pictures, [{0: LEFT}]))


def test_things_are_followed_both_ways_and_the_same_twice(
    folder: Path, pictures: list[np.ndarray]
) -> None:
    tracker = TRACKERS.open(str(folder)).video
    assert tracker is not None and (tracker.name, tracker.side) == ("tiny", SIDE)
    prompts = [{2: LEFT}, {0: RIGHT, 4: LEFT}, {5: RIGHT}]
    first, second = (list(tracker.track(pictures, prompts)) for _ in range(2))
    assert [sorted(one) for one in first] == [[0, 1, 2, 3, 4, 5]] * 3
    for one, again in zip(first, second, strict=True):
        for index, segment in one.items():
            assert segment.mask.shape == (90, 160) and segment.mask.dtype == bool
            assert 0.5 < segment.score < 1
            assert segment.score == again[index].score
            np.testing.assert_array_equal(segment.mask, again[index].mask)
    (alone,) = tracker.track(pictures, prompts[2:])
    np.testing.assert_array_equal(alone[3].mask, first[2][3].mask)
    shares = [one[2].mask.mean() for one in first]
    assert len({*shares}) == 3, "each is another thing's mask"


def test_what_a_window_held_is_given_back(
    folder: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = TRACKERS.open(str(folder)).video
    assert isinstance(tracker, sam.SamTracker)
    kept: list[Any] = []
    make = tracker._session

    def session(**given: Any) -> Any:
        kept.append(make(**given))
        return kept[-1]

    monkeypatch.setattr(tracker, "_session", session)
    list(tracker.track(pictures, [{1: LEFT}, {3: RIGHT}]))
    stopped = tracker.track(pictures, [{1: LEFT}, {3: RIGHT}])
    next(stopped)
    assert len(kept[1].output_dict_per_obj) == 1, "one thing at a time"
    stopped.close()
    for one in kept:
        assert not one.output_dict_per_obj and not one.cache._vision_features


def test_in_half_precision_too(
    folder: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = TRACKERS.open(str(folder)).video
    assert isinstance(tracker, sam.SamTracker)
    whole = tracker._model
    monkeypatch.setattr(tracker, "_model", copy.deepcopy(whole).bfloat16())
    (found,) = tracker.track(pictures, [{1: LEFT}])
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert {segment.mask.shape for segment in found.values()} == {(90, 160)}


def test_a_segmenter_is_the_same_network(folder: Path, pictures: list[np.ndarray]) -> None:
    segmenter, tracking = SEGMENTERS.open(str(folder)), TRACKERS.open(str(folder))
    boxes = np.array([LEFT, RIGHT])
    masks = segmenter.segment(pictures[0], boxes)
    assert [mask.shape for mask in masks] == [(90, 160)] * 2
    assert (masks[0] != masks[1]).any()
    (seen,) = tracking.video.track(pictures[:1], [{0: RIGHT}])  # type: ignore[union-attr]
    np.testing.assert_array_equal(seen[0].mask, masks[1])
    assert segmenter.segment(pictures[0], boxes[:0]) == []
    assert segmenter._tracker is tracking.video, "loaded once"  # type: ignore[attr-defined]


def test_a_real_clip_is_measured_with_it(folder: Path, with_weights: Path, clips_dir: Path) -> None:
    clip = Clip.open(clips_dir / "masks" / "car-shadow.mp4")
    chosen = ic.Cluster(tracker=str(folder), segmenter=str(folder))
    evidence = measure(clip, masks=True, cluster=chosen)
    assert (evidence.models["tracker"], evidence.models["segmenter"]) == ("tiny", "tiny")
    car = evidence.instances[0]
    assert len(car.masks) >= 8 * (car.track[-1].t - car.track[0].t)
    assert {mask.size for mask in car.masks} == {(evidence.video.height, evidence.video.width)}
    again = measure(clip, masks=True, cluster=chosen)
    assert again.instances == evidence.instances


@pytest.fixture(scope="module")
def sam3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tokenizers
    import torch
    import transformers

    torch.manual_seed(0)
    model = sam3(transformers)
    with torch.no_grad():
        model.tracker_model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(2.0)
    made: Path = tmp_path_factory.mktemp("weights") / "tiny3"
    model.save_pretrained(made)
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    words = {word: index for index, word in enumerate(["<s>", "</s>", *sorted(letters)])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(words, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="</s>", eos_token="</s>"
    ).save_pretrained(made)
    return made


def test_sam_3_follows_boxes_and_finds_phrases(
    sam3_folder: Path, pictures: list[np.ndarray]
) -> None:
    tracker = TRACKERS.open(str(sam3_folder)).video
    assert isinstance(tracker, sam.Sam3Tracker) and isinstance(tracker, ConceptTracker)
    assert tracker.side == SIDE
    (followed,) = tracker.track(pictures, [{3: LEFT}])
    assert sorted(followed) == [0, 1, 2, 3, 4, 5]
    _, finder = tracker._finder
    shared = tracker._model.vision_encoder.backbone
    assert finder.detector_model.vision_encoder.backbone is shared, "most of both, held once"
    (again,) = tracker.track(pictures, [{3: LEFT}])
    for index, segment in followed.items():
        np.testing.assert_array_equal(segment.mask, again[index].mask)
        assert segment.score == again[index].score
    phrases = ["red kettle", "a dog whose name is longer than thirty-two letters"]
    first, second = (tracker.find(pictures[:3], phrases) for _ in range(2))
    assert {phrase for phrase, _ in first} == set(phrases)
    for (phrase, seen), (again, same) in zip(first, second, strict=True):
        assert phrase == again and seen.keys() == same.keys() <= {0, 1, 2}
        for index, segment in seen.items():
            assert segment.mask.shape == (90, 160) and 0 <= segment.score <= 1
            np.testing.assert_array_equal(segment.mask, same[index].mask)


@pytest.fixture(params=["made", "real"])
def clip(request: pytest.FixtureRequest, make_video: Any, tmp_path: Path) -> Clip:
    if request.param == "made":
        return Clip.open(make_video(tmp_path / "square.mp4", frames=4))
    clips: Path = request.getfixturevalue("clips_dir")
    return Clip.open(clips / "masks" / "car-shadow.mp4", end=0.5)


def test_phrases_go_with_a_tracker_that_finds(
    sam3_folder: Path, without_weights: None, clip: Clip
) -> None:
    chosen = ic.Cluster(tracker=str(sam3_folder), phrases="red kettle, dog")
    evidence = measure(clip, masks=True, cluster=chosen)
    found = [item for item in evidence.instances if item.source == "tiny3"]
    assert found, "untrained, it finds something in every picture"
    assert {(item.class_, item.phrase) for item in found} <= {("kettle", "red kettle"), ("dog", "")}
    assert len({item.id for item in evidence.instances}) == len(evidence.instances)
    size = evidence.video.height, evidence.video.width
    for item in found:
        assert [mask.t for mask in item.masks] == [point.t for point in item.track]
        assert {mask.size for mask in item.masks} == {size}
        assert all(0 <= point.t <= evidence.video.duration for point in item.track)
    assert evidence.timings["phrases"] > 0 and evidence.models["tracker"] == "tiny3"
    assert measure(clip, masks=True, cluster=chosen).instances == evidence.instances


def test_another_network_or_none_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    with pytest.raises(MissingDependency, match=r"^--tracker no/such cannot be loaded: "):
        TRACKERS.open("no/such")
    with pytest.raises(MissingDependency, match=r"^--segmenter .*: the folder has no") as error:
        SEGMENTERS.open(str(tmp_path))
    assert "\n" not in str(error.value)
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(MissingDependency, match=r"is a bert network; choose SAM 2.1"):
        TRACKERS.open(str(tmp_path))
