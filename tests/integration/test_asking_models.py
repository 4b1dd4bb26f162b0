"""Models of random weights, in this process and behind a server: captions are valid anyway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.users import captions_in
from tests.program import Run

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that says anything."""
    from tests.mllm import tiny

    return tiny.build(tmp_path_factory.mktemp("tiny"))


def test_a_model_in_this_process_captions_every_clip(
    run: Run, clips_dir: Path, with_weights: Path, tmp_path: Path, tiny_model: Path
) -> None:
    ran = run(
        *("caption", clips_dir / "everyday", "--captioner", "mllm", "--mllm-model", tiny_model),
        *("--frames", "2", "--attempts", "1", "--out", tmp_path / "out"),
        "--json",
    )
    assert not json.loads(ran.out)["failed"], ran.err  # what it leaves out makes a clip partial
    captions = captions_in(tmp_path / "out")
    assert len(captions) == len(list((clips_dir / "everyday").glob("*.mp4")))
    for caption in captions.values():
        assert caption.producer.models["mllm"] == str(tiny_model)
        # What was not said in a usable way is named; the rest has a source.
        said = {who.source for who in caption.provenance.values()}
        assert str(tiny_model) in said or caption.warnings
    assert json.loads(ran.out)["cost"]["calls"] > len(captions)


@pytest.mark.parametrize("format", ["shotvl", "cam-motion"])
def test_a_shot_expert_in_this_process_is_asked_once(
    run: Run, make_video: Callable[..., Path], tmp_path: Path, tiny_model: Path, format: str
) -> None:
    clip = make_video(tmp_path / "square.mp4", frames=8)
    ran = run(
        *("caption", clip, "--captioner", "mllm", "--mllm-model", tiny_model, "--mode", "single"),
        *("--single-format", format, "--frames", "2", "--mllm-max-tokens", "400"),
        *("--attempts", "1", "--out", tmp_path / "out"),
        "--json",
    )
    assert json.loads(ran.out)["cost"]["calls"] == 1, ran.err
    (caption,) = captions_in(tmp_path / "out").values()
    assert caption.producer.mode == f"single:{format}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[str]:
    """The URL of ``transformers serve``."""
    from tests.mllm import tiny

    with tiny.serving(tiny_model, tmp_path_factory.mktemp("cache")) as url:
        yield url


def test_transformers_serve_captions_a_clip(
    run: Run, clips_dir: Path, with_weights: Path, tmp_path: Path, tiny_model: Path, served: str
) -> None:
    clip = clips_dir / "everyday" / "woman_dog.mp4"
    ran = run(
        *("caption", clip, "--captioner", "mllm", "--mllm-url", served),
        *("--mllm-model", tiny_model, "--frames", "1"),
        *("--attempts", "2", "--mllm-concurrency", "1", "--out", tmp_path / "out"),
    )
    assert ran.status == 1 and ran.err.startswith("partial: "), ran.err
    (caption,) = captions_in(tmp_path / "out").values()
    assert caption.producer.captioner == "mllm"
    assert caption.warnings  # a random model that nothing constrains says nothing of use
