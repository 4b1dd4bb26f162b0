"""The optional extras live beside the base install. Run by `make test-models`, as CI does."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import instancecap as ic

pytestmark = pytest.mark.models


@pytest.mark.filterwarnings("default")  # what other packages warn of is theirs
@pytest.mark.parametrize(
    "package", ["torch", "transformers", "diffusers", "ray.data", "fastapi", "matplotlib"]
)
def test_an_extra_can_be_imported(package: str) -> None:
    assert import_module(package).__name__ == package


def test_no_extra_brings_a_second_cv2() -> None:
    assert len(set(packages_distributions()["cv2"])) == 1


def test_captions_are_the_same_with_all_extras(clips_dir: Path, with_weights: Path) -> None:
    caption = ic.caption(clips_dir / "everyday" / "worker.mp4")
    assert [one.class_ for one in caption.instances] == ["person"]
    assert caption.camera.motion == ["static"]
