"""Phrases that a detector is asked for: how they are written, read and told apart from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from instancecap.engine.work import evidence_key
from instancecap.errors import UsageError
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS, read_phrases
from tests.evidence.bright import BrightDetector


def test_a_phrase_is_no_path_and_a_file_of_phrases_is_one(
    without_weights: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    class Asked(BrightDetector):
        name = "asked"

        def asking(self, phrases: Sequence[str]) -> Asked:
            return self

    own = {"asked": Asked, **DETECTORS.own}
    monkeypatch.setattr(cluster, "DETECTORS", replace(DETECTORS, own=own))
    monkeypatch.chdir(tmp_path)

    def key(phrases: str) -> str:
        return evidence_key(Cluster(detector="asked", phrases=phrases), masks=False)

    first = key("dog, cat")
    Path("dog").mkdir()
    Path("dog", "one.mp4").write_bytes(b"anything")
    assert key("dog, cat") == first
    listed = Path("things.txt")
    listed.write_text("dog", encoding="utf-8")
    before = key("things.txt")
    listed.write_text("dog\ncat", encoding="utf-8")
    assert key("things.txt") != before


def test_phrases_are_for_detectors_that_are_asked(without_weights: None) -> None:
    chosen = Cluster(detector="opencv-hog", phrases="kettle")
    with pytest.raises(UsageError, match=r"^--phrases .*opencv-hog has its own classes: choose"):
        cluster.load_models(chosen)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("red kettle, Forklift.", ("red kettle", "forklift")),
        ("sofa,, couch ,a  settee", ("sofa",)),
        ("man, person,the man in red", ("man", "person", "man in red")),
        ("a very long phrase " * 30, (" ".join(["a very long phrase"] * 30)[2:],)),
    ],
)
def test_phrases_between_commas(text: str, phrases: tuple[str, ...]) -> None:
    assert read_phrases(text) == phrases


def test_phrases_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "things.txt"
    file.write_text("red kettle\n\nknife, fork and spoon\n", encoding="utf-8")
    assert read_phrases(str(file)) == ("red kettle", "knife, fork and spoon")
    with pytest.raises(
        UsageError, match=r"--phrases .*none\.txt: there is no such file; give a text"
    ):
        read_phrases(str(tmp_path / "none.txt"))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UnicodeDecodeError"):
        read_phrases(str(file))
    with pytest.raises(UsageError, match=r"^--phrases ,: there is no phrase"):
        read_phrases(",")


@pytest.mark.parametrize(
    ("phrases", "told"), [("none.txt", "there is no such file; give"), (" , ,", "no phrase; give")]
)
def test_phrases_that_are_none_are_told_before_anything_is_loaded(
    offer: Callable[[str, Callable[[], object]], None], phrases: str, told: str
) -> None:
    offer("late", lambda: pytest.fail("it was loaded"))
    with pytest.raises(UsageError, match=rf"^--phrases {phrases.strip()}: .*{told}"):
        cluster.load_models(Cluster(detector="late", phrases=phrases))
