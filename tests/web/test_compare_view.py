"""The view Compare: two captioners side by side, and votes that ``eval judge`` counts."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import InputError, UsageError
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Caption
from instancecap.web.app.comparing import Sitting, Votes, load_comparison, offered_sets
from instancecap.web.app.files import OpenedFolder
from tests.conftest import MakeVideo
from tests.program import Run, run  # noqa: F401

CLIPS = ("a.mp4", "b <b>.mp4", "c.mp4", "d.mp4", "e.mp4")
ASKED = {"first": "first", "second": "sets/second"}


@pytest.fixture
def folder(tmp_path: Path, make_video: MakeVideo) -> Path:
    """Clips, and captions of them by two captioners."""
    root = tmp_path / "opened"
    (root / "clips").mkdir(parents=True)
    for name in CLIPS:
        make_video(root / "clips" / name)
        for place, words in ((root / "first", "dog"), (root / "sets" / "second", "cat")):
            place.mkdir(parents=True, exist_ok=True)
            caption = Caption.model_validate(
                {"video": {"id": name, "path": f"clips/{name}", "start": 0, "end": 1,
                           "duration": 1, "fps": 4, "width": 64, "height": 48, "frames": 4},
                 "global_description": f"A {words} in {name}.",
                 "instances": [{"id": 0, "class": words, "action": "Runs."}], "place": "unknown"}
            )  # fmt: skip
            caption.write(place / f"{name}.json")
    return root


def clip(app: Any, at: int = 0, **more: Any) -> dict[str, Any]:
    return dict(app.get("/compare/clip", params={**ASKED, "at": at, **more}).json())


def vote(app: Any, shown: dict[str, Any], choice: str, **more: Any) -> dict[str, Any]:
    wanted = {**ASKED, "at": shown["at"], "key": shown["key"], "choice": choice, **more}
    return dict(app.post("/compare/votes", json=wanted).json())


def test_sets_of_captions_are_offered(open_app: Any, folder: Path) -> None:
    (folder / "table.jsonl").write_text("")
    (folder / ".instancecap").mkdir()
    (folder / ".instancecap" / "x.json").write_text("{}")
    assert offered_sets(OpenedFolder(folder)) == ["table.jsonl", "first", "sets/second"]
    page = open_app(source=str(folder)).get("/compare").text
    assert '<option value="sets/second">' in page
    assert "No folder is open" in open_app().get("/compare").text


def test_names_are_hidden_and_the_order_is_drawn_by_lot(open_app: Any, folder: Path) -> None:
    app = open_app(source=str(folder))
    named = [clip(app, at, hidden=False) for at in range(5)]
    assert [one["clip"] for one in named] == list(CLIPS)
    assert {tuple(one["names"]) for one in named} == {("first", "second")}
    assert all("dog" in one["texts"][0] and "cat" in one["texts"][1] for one in named)
    turned = set()
    for seed in range(3):
        shown = [clip(app, at, seed=seed) for at in range(5)]
        assert sorted(one["clip"] for one in shown) == list(CLIPS)
        assert {tuple(one["names"]) for one in shown} == {("The first", "The second")}
        assert "dog" not in json.dumps([one["names"] for one in shown])
        turned |= {"cat" in one["texts"][0] for one in shown}
        for one in shown:
            assert one["rows"][0][1:] == [
                f"A {'cat' if 'cat' in one['texts'][0] else 'dog'} in {one['clip']}.",
                f"A {'dog' if 'cat' in one['texts'][0] else 'cat'} in {one['clip']}.",
            ]
    assert turned == {True, False}
    rows = {name: values for name, *values in named[0]["rows"]}
    assert rows["1: class"] == ["dog", "cat"]
    assert "place" not in rows


@pytest.mark.parametrize("hidden", [True, False])
def test_votes_are_counted_by_eval_judge(
    open_app: Any,
    folder: Path,
    hidden: bool,
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = open_app(source=str(folder))
    who = {"rater": "Ann B.", "seed": 3, "hidden": hidden}
    for at in range(5):
        shown = clip(app, at, **who)
        place = next(place for place, text in enumerate(shown["texts"]) if "dog" in text)
        choice = "equal" if shown["clip"] == "c.mp4" else ("the first", "the second")[place]
        after = vote(app, shown, choice, remark="clear <b>", **who)
        assert (after["choice"], after["done"]) == (choice, at + 1)
    command = shlex.split(after["command"])
    monkeypatch.chdir(folder)
    done = run(*command[1:], "--json")
    assert done.status == 0, done.err
    result = json.loads(done.out)
    figure = next(one for one in result["figures"] if one["row"] == "first preferred to second")
    assert figure["value"] == pytest.approx(0.9), "four for the first of two, one for both"
    assert result["made_by"]["models"] == {"rater 1": "Ann B."}


def test_votes_count_where_a_video_is_not_found_and_a_caption_has_changed(
    open_app: Any,
    folder: Path,
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in folder.glob("**/*.json"):  # as a caption made from the folder above names it
        said = Caption.read(path)
        assert said.video is not None
        said.video.path = f"opened/{said.video.path}"
        said.write(path)
    monkeypatch.chdir(folder.parent)
    app = open_app(source=str(folder))
    for at in range(5):
        after = vote(app, clip(app, at, rater="Ivo"), "equal", rater="Ivo")
    command = shlex.split(after["command"])[1:]
    monkeypatch.chdir(folder)
    done = run(*command)
    assert (done.status, "| 5 |" in done.out) == (0, True), done.err
    said = Caption.read(folder / "first" / "c.mp4.json")
    said.global_description = "A wolf."
    said.write(folder / "first" / "c.mp4.json")
    done = run(*command)
    assert (done.status, "| 4 |" in done.out) == (0, True), done.err
    assert "1 of 5 answers of Ivo do not count: those captions have changed since" in done.out
    assert "1 have no answer to the texts of now: c.mp4" in done.out


def test_one_goes_on_at_the_first_clip_without_a_vote(open_app: Any, folder: Path) -> None:
    app = open_app(source=str(folder))
    for at in (0, 2):
        vote(app, clip(app, at, rater="Ann"), "equal", rater="Ann")
    first = app.get("/compare/clip", params={**ASKED, "rater": "Ann"}).json()
    assert first["at"] == 1
    assert app.get("/compare/clip", params={**ASKED, "rater": "Bob"}).json()["at"] == 0


def test_a_vote_is_taken_back_and_two_people_are_kept_apart(open_app: Any, folder: Path) -> None:
    app = open_app(source=str(folder))
    shown = clip(app, rater="Ann")
    vote(app, shown, "equal", rater="Ann")
    assert vote(app, shown, "equal", rater="Bob")["done"] == 1
    assert vote(app, shown, "", rater="Ann")["done"] == 0
    assert clip(app, rater="Bob")["choice"] == "equal"
    files = sorted(one.name for one in (folder / ".instancecap" / "votes").iterdir())
    assert [one.rsplit("-", 1)[1] for one in files] == ["Ann.json", "Bob.json"]
    assert "write your name" in vote(app, shown, "equal")["error"]
    assert "choose one of" in vote(app, shown, "mine", rater="Ann")["error"]
    assert "have changed" in vote(app, {**shown, "key": "x"}, "equal", rater="Ann")["error"]


def test_names_that_look_alike_are_two_people(folder: Path) -> None:
    pair = load_comparison(OpenedFolder(folder), "first", "sets/second")
    names = ("Ann B", "Ann_B", "Ann-B", "Ann  B", "ann b", "x" * 40, "x" * 41, "Ännchen", "安")
    paths = {Votes(folder).path(pair, Sitting(rater=name)).name for name in names}
    assert len(paths) == len(names)
    assert all("/" not in one and len(one) < 200 for one in paths)


def test_votes_sent_at_once_are_all_kept(open_app: Any, folder: Path) -> None:
    app = open_app(source=str(folder))
    shown = [clip(app, at, rater="Ann") for at in range(5)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda one: vote(app, one, "equal", rater="Ann"), shown * 4))
    assert clip(app, rater="Ann")["done"] == 5


def test_two_pairs_can_be_asked_for_at_once(open_app: Any, folder: Path) -> None:
    app = open_app(source=str(folder))
    turned = {"first": ASKED["second"], "second": ASKED["first"]}
    with ThreadPoolExecutor(6) as pool:
        shown = list(pool.map(lambda n: clip(app, **(turned if n % 2 else {})), range(12)))
    assert {one["count"] for one in shown} == {5}


def test_a_name_that_is_too_long_for_a_file_is_left_out_alone(folder: Path) -> None:
    path = folder / "first" / "a.mp4.json"
    caption = Caption.read(path)
    assert caption.video is not None
    caption.video.path = "x" * 5000
    caption.write(path)
    pair = load_comparison(OpenedFolder(folder), "first", "sets/second")
    assert "a.mp4" not in pair.captions or len(pair.samples) == 4


def test_what_cannot_be_compared_is_said(folder: Path, tmp_path: Path) -> None:
    opened = OpenedFolder(folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    for name, line in (
        ("../outside", "not a path inside"), ("link", "not a file inside"),
        ("nothing", "no such file"), ("clips/a.mp4", "captions are read from"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=line):
            load_comparison(opened, "first", name)
    with pytest.raises(UsageError, match="named twice"):
        load_comparison(opened, "first", "first")
    secret = tmp_path / "secret.json"
    secret.write_text('{"schema": "instancecap.caption/1", "video": null, "lighting": "secret"}')
    (folder / "first" / "b <b>.mp4.json").unlink()
    (folder / "first" / "b <b>.mp4.json").symlink_to(secret)
    (folder / "clips" / "a.mp4").unlink()
    pair = load_comparison(opened, "first", "sets/second")
    assert [one.id for one in pair.samples] == [f"{name}/first or second" for name in CLIPS[2:]]
    reasons = {one.source: one.reason for one in pair.rejected}
    assert reasons["b <b>.mp4"] in (
        "a link leads out of the opened folder",
        "no caption by first of this name",
    )
    assert "secret" not in str(pair.samples) and "a.mp4" in reasons


def test_each_side_has_a_player_with_its_own_boxes(open_app: Any, folder: Path) -> None:
    for place, box in (("first", [0, 0, 0.2, 0.2]), ("sets/second", [0.5, 0.5, 0.9, 0.9])):
        path = folder / place / "a.mp4.json"
        caption = Caption.read(path)
        caption.instances[0].track = [TrackPoint(t=0, box=tuple(box), score=1)]
        caption.write(path)
    app = open_app(source=str(folder))
    for hidden in (True, False):
        shown = next(
            one
            for one in (clip(app, at, hidden=hidden) for at in range(5))
            if one["clip"] == "a.mp4"
        )
        wanted = {**ASKED, "hidden": hidden, "key": shown["key"]}
        for side, text in enumerate(shown["texts"]):
            html = app.get("/compare/player", params={**wanted, "side": side}).text
            assert ("0.2,0.2" in html) is ("dog" in text), html
            assert "/media/folder/clips/a.mp4" in html
        frames = app.get("/compare/player", params={**wanted, "side": 0, "frames": True})
        assert "data:image" in frames.text and "<video" not in frames.text
    assert app.get("/compare/player", params={**wanted, "side": 2}).status_code == 422
