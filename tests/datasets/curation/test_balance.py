"""``dataset balance``: shares, lots, and splits that share no video."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.curation.balance import BalanceOptions, balance_set, choose, split
from instancecap.datasets.curation.targets import Target, read_target
from instancecap.errors import UsageError
from instancecap.io.tables import read_rows
from instancecap.schema import Caption
from instancecap.schema.caption import Video
from tests.datasets.curation.clips import figures, hash_like


def lots(count: int, *, seed: int = 0) -> list[bytes]:
    """Lots of clips."""
    lot = np.random.default_rng(seed)
    return [bytes(lot.integers(0, 256, 8, np.uint8)) for _ in range(count)]


def traits(places: Sequence[str], cameras: Sequence[str]) -> list[Mapping[str, str]]:
    """Traits of clips."""
    return [{"place": a, "camera": b} for a, b in zip(places, cameras, strict=True)]


@given(
    outdoor=st.floats(0.2, 0.8),
    static=st.floats(0.2, 0.8),
    seed=st.integers(0, 1000),
    clips=st.sampled_from([0, 60]),
)
def test_the_shares_come_out(outdoor: float, static: float, seed: int, clips: int) -> None:
    lot = np.random.default_rng(seed)
    places = lot.choice(["outdoor", "indoor"], 400, p=[0.7, 0.3])
    cameras = lot.choice(["static", "pan_left", "zoom_in"], 400, p=[0.5, 0.3, 0.2])
    some = traits(places.tolist(), cameras.tolist())
    target = Target({"place": {"outdoor": outdoor}, "camera": {"static": static}}, clips)
    chosen = choose(some, target, lots=lots(400, seed=seed))
    assert len(set(chosen)) == len(chosen)
    assert abs(len(chosen) - clips) <= 2 if clips else chosen
    for name, value, share in (("place", "outdoor", outdoor), ("camera", "static", static)):
        found = sum(some[index][name] == value for index in chosen)
        assert abs(found - share * len(chosen)) <= 0.02 * len(chosen) + 3


def test_without_a_number_as_many_as_the_shares_allow_are_taken() -> None:
    some = traits(["outdoor"] * 90 + ["indoor"] * 10, ["static"] * 100)
    target = Target({"place": {"outdoor": 0.5, "indoor": 0.5}})
    chosen = choose(some, target, lots=lots(100))
    assert Counter(some[index]["place"] for index in chosen) == {"outdoor": 10, "indoor": 10}
    assert len(choose(some, Target(), lots=lots(100))) == 100


def test_the_order_of_the_clips_does_not_matter() -> None:
    some = traits(["outdoor", "indoor"] * 50, ["static"] * 100)
    drawn = lots(100)
    target = Target({"place": {"outdoor": 0.8}}, 30)
    chosen = {drawn[index] for index in choose(some, target, lots=drawn)}
    back = choose(some[::-1], target, lots=drawn[::-1])
    assert chosen == {drawn[::-1][index] for index in back}
    other = choose(some, target, lots=lots(100, seed=1))
    assert chosen != {drawn[index] for index in other}


def test_a_share_of_what_is_not_there_is_refused() -> None:
    some = traits(["outdoor"], ["static"])
    with pytest.raises(UsageError, match="no clip has place 'indoor'; there are: outdoor"):
        choose(some, Target({"place": {"indoor": 0.5}}), lots=lots(1))
    with pytest.raises(UsageError, match=r"\[place\] leaves 0\.5 to other values"):
        choose(some, Target({"place": {"outdoor": 0.5}}), lots=lots(1))


@given(
    groups=st.lists(st.integers(0, 30), min_size=1, max_size=200),
    train=st.floats(0.5, 0.9),
)
def test_a_group_is_in_one_split(groups: list[int], train: float) -> None:
    shares = {"train": train, "val": 1 - train}
    found = split(lots(len(groups)), np.array(groups, np.int32), shares)
    assert set(found) <= set(shares)
    for group in set(groups):
        assert len({name for name, one in zip(found, groups, strict=True) if one == group}) == 1
    largest = max(Counter(groups).values())
    assert abs(found.count("train") - train * len(groups)) <= largest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plce = {}", "no 'plce'; there are: clips, source, duplicates, splits, length,"),
        ("[place]\noutdoor = 0.7\nindoor = 0.7", "adds up to 1.4, more than 1"),
        ('[place]\noutdoor = "much"', "give a share, 0 to 1"),
        ("place = 1", r"write shares in \[place\]"),
        ("[splits]\ntrain = 0.5", r"\[splits\] must add up to 1, not 0.5"),
        ('[splits]\n"a/b" = 1', "a split names a file"),
        ("clips = -1", "give a whole number"),
        ('source = "["', "not a pattern"),
        ('source = "abc"', "put the part that names a video"),
        ("duplicates = 2", "give a share of bits"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "target.toml").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_target(str(tmp_path / "target.toml"))


TARGET = """
source = '(\\w+)\\.\\d+\\.mp4'
[place]
outdoor = 0.5
[splits]
train = 0.6
val = 0.4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest of clips of ten videos, two of which show the same, and a target."""
    rows: list[dict[str, Any]] = []
    for video in range(10):
        for part in range(3):
            place = ("outdoor", "indoor")[(video + part) % 2]
            shown = figures(place=place).model_dump(mode="json", by_alias=True)
            name = f"v{video}.{part}.mp4"
            like = hash_like(seed=100 * min(video, 8) + part)
            rows.append({"path": f"clips/{name}", "id": name, "hash": like, "figures": shown})
    (tmp_path / "clips").mkdir()
    for row in rows:
        (tmp_path / row["path"]).touch()
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "manifest.jsonl").write_text(text)
    (tmp_path / "target.toml").write_text(TARGET)
    return tmp_path


def balanced(folder: Path, *inputs: str, seed: int = 0, overwrite: bool = True) -> Any:
    """Balance what lies in the folder."""
    options = BalanceOptions(
        out=str(folder / "out"), target=str(folder / "target.toml"), seed=seed, overwrite=overwrite
    )
    return balance_set([str(folder / one) for one in inputs or ("manifest.jsonl",)], options)


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a split."""
    return [row.value for row in read_rows(str(folder / "out" / f"{name}.jsonl"))]


def test_splits_share_no_video_and_no_duplicate(folder: Path) -> None:
    done = balanced(folder)
    assert sum(done.chosen.values()) == 30
    by_split = {
        name: {row["id"].split(".")[0] for row in rows_of(folder, name)} for name in done.chosen
    }
    assert not by_split["train"] & by_split["val"]
    assert any({"v8", "v9"} <= videos for videos in by_split.values()), "they show the same"
    path = rows_of(folder, "train")[0]["path"]
    assert (folder / "out" / path).exists()
    assert json.loads((folder / "out" / "balance.json").read_text())["clips"] == 30


def test_the_same_seed_gives_the_same_files(folder: Path) -> None:
    (folder / "target.toml").write_text(f"clips = 8\n{TARGET}")
    balanced(folder)
    first = (folder / "out" / "train.jsonl").read_bytes()
    balanced(folder)
    assert (folder / "out" / "train.jsonl").read_bytes() == first
    balanced(folder, seed=1)
    assert (folder / "out" / "train.jsonl").read_bytes() != first


def test_captions_are_balanced_as_well(folder: Path) -> None:
    for number in range(8):
        video = Video.named(f"clips/a{number}.mp4")
        caption = Caption(video=video, place="outdoor" if number < 6 else "indoor")
        caption.write(folder / "captions" / f"a{number}.mp4.json")
    (folder / "target.toml").write_text("[place]\noutdoor = 0.5\nindoor = 0.5\n")
    done = balanced(folder, "captions")
    assert done.chosen == {"all": 4}
    places = Counter(row["place"] for row in rows_of(folder, "all"))
    assert places == {"outdoor": 2, "indoor": 2}


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder: Path) -> None:
    with (folder / "manifest.jsonl").open("a") as file:
        file.write("{broken\n")
    done = balanced(folder)
    assert sum(done.chosen.values()) == 30
    assert "line 31" in done.failed[0].source
    with pytest.raises(
        UsageError, match=r"no clip to choose from; .*gone\.jsonl: there is no such"
    ):
        balanced(folder, "gone.jsonl")


def test_two_clips_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"two clips have the name 'v0\.0\.mp4'"):
        balanced(folder, "manifest.jsonl", "manifest.jsonl")


def test_no_split_of_an_earlier_set_is_left(folder: Path) -> None:
    balanced(folder)
    (folder / "target.toml").write_text("[splits]\ntrain = 1\n")
    with pytest.raises(UsageError, match="holds an earlier balanced set; --overwrite replaces it"):
        balanced(folder, overwrite=False)
    assert len(rows_of(folder, "val")) > 0, "nothing was touched"
    balanced(folder)
    assert {one.name for one in (folder / "out").iterdir()} == {"train.jsonl", "balance.json"}
    (folder / "out" / "captions").mkdir()
    with pytest.raises(UsageError, match="captions lies there too"):
        balanced(folder)


def test_a_split_without_clips_has_an_empty_file_and_a_warning(folder: Path) -> None:
    (folder / "target.toml").write_text("clips = 4\n[splits]\ntrain = 0.9\nval = 0.1\ntest = 0\n")
    done = balanced(folder)
    assert done.chosen["test"] == 0 and (folder / "out" / "test.jsonl").read_text() == ""
    assert str(folder / "out" / "test.jsonl") in done.outputs
    assert any("no clip is left for" in one and "test" in one for one in done.warnings)


def test_a_number_that_the_shares_do_not_allow_is_told(folder: Path) -> None:
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    few = [line for line, row in zip(lines, rows, strict=True)
           if row["figures"]["place"] == "outdoor"][:8]  # fmt: skip
    few += [line for line in lines if line not in few and '"place": "indoor"' in line][:1]
    (folder / "few.jsonl").write_text("\n".join(few) + "\n")
    (folder / "target.toml").write_text("clips = 8\n[place]\noutdoor = 0.6\n")
    done = balanced(folder, "few.jsonl")
    told = "; ".join(done.warnings)
    assert f"{sum(done.chosen.values())} clips instead of 8" in told
    assert "place all other values: 40% of 8 are wanted, and there is 1" in told
    assert "place outdoor" in told and "instead of 60%" in told
    assert done.shares["place"]["all other values"][1] == 0.4


def test_an_error_leaves_no_folder(folder: Path) -> None:
    with pytest.raises(UsageError, match="no clip to choose from"):
        balanced(folder, "gone.jsonl")
    assert not (folder / "out").exists()
