"""Dropout, suffix, forbidden phrases, several captions at once, and the files they go to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.captions import Row
from instancecap.errors import UsageError
from instancecap.render import Prompt, RenderOptions, find_target, render
from instancecap.render.batch import find_forbidden, read_phrases, render_all
from instancecap.render.dropout import droppable
from instancecap.render.options import motion_score
from instancecap.schema.caption import Caption
from tests.render.rich_captions import RICH, rich


def moving(*boxes: list[float]) -> Caption:
    track = [{"t": float(index), "box": box, "score": 1.0} for index, box in enumerate(boxes)]
    one = {"id": 0, "class": "dog", "action": "runs away", "track": track}
    return Caption.model_validate({"video": RICH["park"]["video"], "instances": [one]})


def test_the_function_wins_over_the_folder_of_its_name() -> None:
    import instancecap as ic
    import instancecap.render.targets  # binds the folder to the package, elsewhere

    assert ic.render is render
    assert ic.render(rich("park"), target="mochi") == render(rich("park"), target="mochi")


def drop(name: str, share: float, seed: int, target: str = "wan2.2") -> Prompt:
    return render(rich(name), target=target, drop_fields=share, seed=seed)


def test_dropout_is_seeded_by_clip_and_recorded() -> None:
    first = drop("park", 0.5, 7)
    assert first == drop("park", 0.5, 7)
    assert first.omitted and first.text != render(rich("park"), target="wan2.2").text
    assert len({drop("park", 0.5, seed).omitted for seed in range(6)}) > 3
    renamed = rich("park").model_copy(deep=True)
    assert renamed.video is not None
    renamed.video.id = "other.mp4"
    assert render(renamed, target="wan2.2", drop_fields=0.5, seed=7).omitted != first.omitted


def test_dropout_of_nothing_and_of_all() -> None:
    assert drop("park", 0.0, 0).omitted == () and drop("park", 1.0, 0).text
    with pytest.raises(UsageError, match=r"drop_fields 1\.5: give a probability"):
        drop("park", 1.5, 0)


def test_what_is_omitted_is_not_told() -> None:
    for target in ("skyreels-v2", "cosmos3"):
        seen = 0
        for seed in range(12):
            prompt = drop("kitchen", 0.4, seed, target)
            gone = "/background" in prompt.omitted
            assert ("shelves" in prompt.text) != gone
            seen += gone
        assert 0 < seen < 12


def test_the_share_of_omitted_fields() -> None:
    total = sum(len(drop(name, 0.1, seed).omitted) for seed in range(100) for name in RICH)
    fields = sum(len(list(droppable(rich(name)))) for name in RICH)
    assert 0.07 < total / (100 * fields) < 0.13


def test_the_motion_score_is_that_of_the_tracks() -> None:
    assert motion_score(rich("park")) is None
    still = moving([0.1, 0.1, 0.2, 0.2], [0.1, 0.1, 0.2, 0.2])
    assert motion_score(still) == pytest.approx(0)
    width, height = 1280, 720
    across = moving([0.0, 0.0, 0.2, 0.2], [0.5, 0.0, 0.7, 0.2])
    score = 100 * 0.5 * width / (width**2 + height**2) ** 0.5
    assert motion_score(across) == pytest.approx(score)
    prompt = render(across, target="open-sora-1.2", suffix="motion score: {motion}.")
    assert prompt.text == f"A dog runs away. motion score: {score:.1f}."


def test_a_suffix_without_its_figure_is_left_out_and_said() -> None:
    prompt = render(rich("park"), target="open-sora-1.2", suffix="motion score: {motion}.")
    assert "motion score" not in prompt.text and "/suffix" in prompt.dropped


@pytest.mark.parametrize("suffix", ["{speed}", "{motion", "{motion:d}", "{}"])
def test_a_bad_suffix_is_refused(suffix: str) -> None:
    with pytest.raises(UsageError, match=r"suffix .* allowed are \{motion\}"):
        render(rich("park"), target="wan2.2", suffix=suffix)


def test_trigger_words_keep_their_case() -> None:
    prompt = render(rich("park"), target="ltx-video", prefix="ohwx McGee_v2,")
    assert prompt.text.startswith("ohwx McGee_v2, A ") and prompt.tokens <= 128
    for text, wanted in (("ohwx man walks", "ohwx man walks."), ("a third one", "A third one.")):
        caption = Caption(video=None, global_description=text)
        assert render(caption, target="wan2.2").text == wanted


def test_json_takes_no_trigger_words() -> None:
    with pytest.raises(UsageError, match="cosmos3: its prompt is JSON"):
        render(rich("park"), target="cosmos3", prefix="sks")
    assert render(rich("park"), target="cosmos3", prefix="sks", length="short").text[:3] == "sks"


def test_forbidden_phrases_are_whole_words(tmp_path: Path) -> None:
    file = tmp_path / "no.txt"
    file.write_text("# brands\nred coat\n\nzebra\n")
    phrases = read_phrases(["the  image", str(file)])
    assert find_forbidden("A RED\ncoat in the image.", phrases) == ["the  image", "red coat"]
    assert find_forbidden("A bored coat; the images.", phrases) == []
    with pytest.raises(UsageError, match="an empty phrase"):
        read_phrases([" "])
    with pytest.raises(UsageError, match="cannot be read"):
        read_phrases(["none.txt"])


def rows() -> list[Row]:
    good = [Row(name, rich(name), f"{name}.json") for name in ("park", "kitchen", "race")]
    return [good[0], Row("bad", None, "bad.json", "not a caption"), *good[1:]]


def options(**changes: Any) -> RenderOptions:
    return RenderOptions(**{"target": find_target("wan2.2"), **changes})


def test_one_result_a_row_whatever_happens() -> None:
    results = list(render_all(rows(), options(), forbid=("rally car",)))
    assert [one.name for one in results] == ["park", "bad", "kitchen", "race"]
    assert [bool(one.error) for one in results] == [False, True, False, True]
    assert results[3].error == "holds what is forbidden: 'rally car'" and not results[3].prompts


def test_options_are_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="task 'v2v': allowed are t2v, i2v"):
        options(task="v2v")
    with pytest.raises(UsageError, match="length 'long': allowed are dense, medium, short, tags"):
        options(length="long")
