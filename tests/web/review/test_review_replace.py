from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.replace import Replacement
from instancecap.web.review.replace import SetReplacement, preview, replace_all
from tests.web.review.test_review_store import KINDS, make_document, make_set, opened_set, set_field


@pytest.mark.parametrize("kind", KINDS)
def test_replacing_over_the_set_is_shown_first_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    captions = [make_document(n) for n in range(3)]
    captions[2].instances.append(captions[2].instances[0].model_copy(
        update={"id": 1, "name": "the puppy"}))  # fmt: skip
    path = make_set(tmp_path, kind, captions)
    review = opened_set(path)
    change = SetReplacement(rule=Replacement(find="dog", replace="puppy"))
    seen = preview(review, change)
    assert (seen["captions"], seen["fields"]) == (3, 10)
    before = seen["shown"][0]["before"]
    assert before.startswith("A dog runs") and seen["shown"][0]["name"] == "clip-0.mp4"
    assert review.read("clip-0.mp4").caption == captions[0], "a preview changes nothing"
    shares: list[float] = []
    monkeypatch.setattr("instancecap.web.review.replace.STEPS", 2)
    done = replace_all(review, change, reviewer="Ann", on_progress=shares.append)
    assert shares == [0, 2 / 3], "no line a caption: a page reads them all"
    assert done["captions"] == 2 and "instance names must differ" in done["failed"]["clip-2.mp4"]
    caption = review.read("clip-0.mp4").caption
    assert (caption.instances[0].class_, caption.instances[0].name) == ("puppy", "the puppy")
    now = review.read("clip-1.mp4")
    review.save("clip-1.mp4", set_field("A lake."), version=now.version, reviewer="Bob")
    count, left = review.undo_batch(done["batch"])
    assert set(left) == {"clip-1.mp4"} and count > 0
    assert review.read("clip-0.mp4").caption == captions[0]
    assert review.read("clip-1.mp4").caption.background == "A lake."


def test_replacing_heeds_words_case_and_fields() -> None:
    said = "Cats! A catalog of cats. A Cat."
    caption = make_document(0, background=said, lighting="A cat's lamp.")

    def after(**how: Any) -> dict[str, Any]:
        found = SetReplacement(rule=Replacement(find="cat", replace="fox", **how)).edits(caption)
        return {pointer: new for pointer, (_, new) in found.items()}

    assert after()["/background"] == "Cats! A catalog of cats. A Fox."
    assert after(match_case=True).keys() == {"/global_description", "/lighting"}
    assert after(fields=("lighting",)) == {"/lighting": "A fox's lamp."}
