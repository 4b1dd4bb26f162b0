"""Detectors that are asked for phrases: real classes, tiny, with random weights.

They prove that a folder is loaded, asked and read; never what a trained one finds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import instancecap as ic
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS
from instancecap.evidence.experts.neural.open_vocabulary import OpenVocabularyDetector, plan_runs
from instancecap.video import Clip

LENGTHS = st.lists(st.integers(1, 40), max_size=60)


@given(LENGTHS, st.integers(1, 50))
def test_every_phrase_is_in_one_run_and_runs_are_as_full_as_they_can_be(
    lengths: list[int], limit: int
) -> None:
    runs = plan_runs(lengths, limit=limit)
    assert [index for run in runs for index in run] == list(range(len(lengths)))
    sizes = [sum(lengths[index] for index in run) for run in runs]
    for run, size in zip(runs, sizes, strict=True):
        assert size <= limit or len(run) == 1, "what is too long alone has its own run"
    for size, following in zip(sizes, runs[1:], strict=False):
        assert size + lengths[following[0]] > limit, "another run only where there is no room"


WORDS = ["[PAD]", "[UNK]", "person", "man", "in", "red", "kettle", "fork", "##lift", "sofa", "a",
         "photo", "of", "couch"]  # fmt: skip


def grounding_dino(folder: Path, transformers: Any, *, mm: bool = False) -> None:
    """Grounding DINO with some 100,000 weights."""
    from transformers.models.grounding_dino import GroundingDinoImageProcessorPil

    backbone = transformers.SwinConfig(
        image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    text = transformers.BertConfig(
        vocab_size=1100, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    prefix = "MMGroundingDino" if mm else "GroundingDino"
    config = getattr(transformers, f"{prefix}Config")(
        backbone_config=backbone, text_config=text, d_model=32, encoder_layers=1,
        encoder_ffn_dim=32, encoder_attention_heads=4, decoder_layers=2, decoder_ffn_dim=32,
        decoder_attention_heads=4, num_queries=20, max_text_len=16, num_feature_levels=4,
        encoder_n_points=2, decoder_n_points=2,
    )  # fmt: skip
    getattr(transformers, f"{prefix}ForObjectDetection")(config).save_pretrained(folder)
    # The model knows the special tokens by the numbers that BERT's vocabulary has for them.
    vocabulary = [*WORDS, *(f"[unused{number}]" for number in range(len(WORDS), 1100))]
    for number, token in ((101, "[CLS]"), (102, "[SEP]"), (1012, "."), (1029, "?")):
        vocabulary[number] = token
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    words = {word: number for number, word in enumerate(vocabulary)}
    transformers.BertTokenizerFast(vocab=words).save_pretrained(folder)
    GroundingDinoImageProcessorPil(size={"shortest_edge": 96, "longest_edge": 160}).save_pretrained(
        folder
    )


def mm_grounding_dino(folder: Path, transformers: Any) -> None:
    """MM-Grounding-DINO, whose class and configuration LLMDet's checkpoints have."""
    grounding_dino(folder, transformers, mm=True)


def owlv2(folder: Path, transformers: Any, *, prefix: str = "Owlv2") -> None:
    """OWLv2, as small."""
    from importlib import import_module

    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    text = {"vocab_size": 99, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 10, "pad_token_id": 0,
            "bos_token_id": 97, "eos_token_id": 98}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 64, "patch_size": 16}  # fmt: skip
    config = getattr(transformers, f"{prefix}Config")(
        text_config=text, vision_config=vision, projection_dim=16
    )
    getattr(transformers, f"{prefix}ForObjectDetection")(config).save_pretrained(folder)
    words = {word: number for number, word in enumerate(WORDS)} | {"<s>": 97, "</s>": 98}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 97), ("</s>", 98)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", eos_token="</s>"
    ).save_pretrained(folder)
    module = import_module(f"transformers.models.{prefix.lower()}")
    processor = getattr(module, f"{prefix}ImageProcessorPil")
    processor(size={"height": 64, "width": 64}).save_pretrained(folder)


def owlvit(folder: Path, transformers: Any) -> None:
    """OWL-ViT, as small: it is shown the picture stretched to a square."""
    owlv2(folder, transformers, prefix="OwlViT")


@pytest.fixture(scope="module", params=[grounding_dino, mm_grounding_dino, owlv2, owlvit])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers

    torch.manual_seed(0)
    made: Path = tmp_path_factory.mktemp("weights") / "tiny"
    made.mkdir()
    request.param(made, transformers)
    return made


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_it_answers_for_what_it_is_asked(folder: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (60, 160, 3)).astype(np.uint8)
    opened = DETECTORS.open(str(folder))
    assert isinstance(opened, OpenVocabularyDetector)
    phrases = ["man in red", "red kettle", "sofa", "couch", "forklift"]
    asked = opened.asking(phrases)
    first, second = asked.detect(picture), asked.detect(picture)
    assert first.own == ("kettle", "forklift")
    assert len(first.boxes), "untrained queries answer with scores near one half"
    assert first.scores.shape == (len(first.boxes), 82)
    assert len(first.phrases) == len(first.boxes)
    assert set(first.phrases) <= {"", "man in red", "red kettle"}
    assert ((first.boxes >= 0) & (first.boxes <= 1)).all()
    np.testing.assert_array_equal(first.scores, second.scores)
    one, two = asked.detect_batch([picture, picture[:, ::-1]])
    np.testing.assert_allclose(one.boxes, first.boxes, atol=1e-4)
    assert len(two.boxes)
    assert len(opened.detect(picture).own) > 100, "who asks for less leaves the others their own"


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_more_phrases_than_the_text_encoder_takes_are_asked_in_several_runs(folder: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    phrases = ["red kettle", "man in red", "sofa", "forklift", "person in a red sofa of a man",
               "a photo of a red couch in a kettle of a man in a red sofa"]  # fmt: skip
    opened = DETECTORS.open(str(folder))
    assert isinstance(opened, OpenVocabularyDetector)
    found = opened.asking(phrases).detect(picture)
    assert found.scores.shape[1] == 80 + len(found.own)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert np.isfinite(found.boxes).all()


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_a_clip_is_measured_with_phrases(
    folder: Path, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    clip = make_video(tmp_path / "square.mp4", frames=12, size=(160, 120))
    chosen = Cluster(detector=str(folder), phrases="red kettle, man in red")
    cluster.forget_models()
    evidence = ic.measure(clip, cluster=chosen)
    assert evidence.models["detector"] == "tiny"
    classes = {"kettle", "person", "object"}
    assert {item.class_ for item in evidence.instances} <= classes
    assert ic.measure(clip, cluster=chosen).instances == evidence.instances
    cluster.forget_models()


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_a_real_clip_is_captioned_with_phrases(folder: Path, clips_dir: Path) -> None:
    clip = Clip.open(clips_dir / "everyday" / "woman_dog.mp4", end=0.5)
    chosen = Cluster(detector=str(folder), phrases="woman in red, brown dog, forklift")
    cluster.forget_models()
    evidence = ic.measure(clip, cluster=chosen)
    assert {one.class_ for one in evidence.instances} <= {
        "person", "dog", "forklift", "object", "animal", "vehicle",
    }  # fmt: skip
    assert {one.phrase for one in evidence.instances} <= {"", "woman in red", "brown dog"}
    times = [point.t for one in evidence.instances for point in one.track]
    assert all(0 <= t <= 0.5 for t in times)
    caption = ic.caption(clip, cluster=chosen)
    assert caption.producer.models["detector"] == "tiny"
    assert ic.caption(clip, cluster=chosen) == caption
    cluster.forget_models()


class Recorder:
    """A model that keeps the texts that it is given."""

    def __init__(self, model: Any) -> None:
        self.model, self.config, self.device, self.dtype = (
            model, model.config, model.device, model.dtype,
        )  # fmt: skip
        self.given: list[list[int]] = []

    def __call__(self, *, input_ids: Any, **more: Any) -> Any:
        self.given += input_ids.tolist()
        return self.model(input_ids=input_ids, **more)


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_phrases_are_written_as_the_models_were_trained_to_read_them(folder: Path) -> None:
    import transformers

    picture = np.zeros((64, 64, 3), np.uint8)
    asked = OpenVocabularyDetector(str(folder)).asking(["red kettle", "The forklift."])
    asked._model = Recorder(asked._model)
    asked.detect(picture)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    if asked._model.config.model_type in ("owlv2", "owlvit"):
        told = ["a photo of a red kettle", "a photo of a forklift"]
        assert asked._model.given == words(told, padding="max_length", max_length=10)["input_ids"]
    else:
        assert asked._model.given == [words("red kettle. forklift.")["input_ids"]]


@pytest.mark.models
@pytest.mark.filterwarnings("default")
def test_what_is_shown_as_a_square_is_read_in_the_picture(folder: Path) -> None:
    picture = np.zeros((80, 160, 3), np.uint8)
    detector = OpenVocabularyDetector(str(folder))
    (corners,) = detector._corners(np.array([[0.25, 0.125, 0.5, 0.25]], np.float32), picture)
    is_square = detector._model.config.model_type == "owlv2"
    assert corners.tolist() == [0, 0, 0.5, 0.5 if is_square else 0.25]
