"""The targets as data, and targets of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancecap.errors import UsageError
from instancecap.render.targets import find_target, read_targets, targets
from tests.tables import cases

REQUIRED = """wan2.1 wan2.2 cogvideox cogvideox1.5 hunyuanvideo hunyuanvideo1.5 ltx-video ltx-2
    open-sora-1.2 open-sora-2 mochi skyreels-v2 cosmos3"""


def test_every_target_has_its_figures_and_their_source() -> None:
    assert set(REQUIRED.split()) <= set(targets())
    for target in targets().values():
        assert target.limit > 0 and target.source, target.name
        assert target.budget <= target.limit


def test_frame_rules() -> None:
    rules = {name: (one.frame_step, one.frame_rest) for name, one in targets().items()}
    assert (rules["wan2.2"], rules["open-sora-1.2"]) == ((4, 1), (17, 0))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"target 'wan3': not known; allowed are wan2\.1, .*cosmos3"
    ):
        find_target("wan3")


def test_targets_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(
        '[short-wan]\nlike = "wan2.2"\nlimit = 60\nsoft = 0\n\n'
        '[new]\nstyle = "mochi"\ntokenizer = "t5"\nlimit = 77\nframes = "4N+1"\n'
    )
    mine = read_targets(path)
    assert find_target("short-wan", mine).budget == 60
    assert find_target("short-wan", mine).style == "wan"
    assert (find_target("new", mine).limit, find_target("new", mine).frame_step) == (77, 4)
    assert find_target("mochi", mine) == targets()["mochi"]


@pytest.mark.parametrize(("text", "message"), cases(__file__, "a_bad_file_of_targets_is_refused"))
def test_a_bad_file_of_targets_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_targets(path)
