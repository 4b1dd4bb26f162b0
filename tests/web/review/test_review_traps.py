"""What a folder of captions may hold to lead the review astray."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from instancecap.errors import FormatError, InputError
from instancecap.web.review import index
from instancecap.web.review.documents import LARGEST
from tests.web.review.test_review_store import make_document, make_set, opened_set, set_field


def test_a_side_file_that_came_with_the_folder_leads_nowhere_else(tmp_path: Path) -> None:
    outside = make_set(tmp_path / "outside", "folder", [make_document(0)])
    before = (outside / "clip-0.mp4.json").read_bytes()
    path = make_set(tmp_path / "set", "folder", [make_document(0), make_document(1)])
    review = opened_set(path)
    version = review.read("clip-0.mp4").version
    os.symlink(outside / "clip-0.mp4.json", path / "link.json")
    for place in ("../outside/clip-0.mp4.json", str(outside / "clip-0.mp4.json"), "link.json"):
        with review.database.writing() as db:
            db.execute("UPDATE captions SET place = ? WHERE name = 'clip-0.mp4'", (place,))
        with pytest.raises(InputError, match="not inside"):
            review.read("clip-0.mp4")
        with pytest.raises(InputError, match="not inside"):
            review.save("clip-0.mp4", set_field("x"), version=version, reviewer="Ann")
    assert (outside / "clip-0.mp4.json").read_bytes() == before


def test_a_pipe_does_not_hold_the_index_up(tmp_path: Path) -> None:
    path = make_set(tmp_path / "set", "folder", [make_document(0)])
    os.mkfifo(path / "pipe.json")
    review = opened_set(path)
    with review.database.writing() as db:
        (count,) = db.execute("SELECT count(*) FROM captions").fetchone()
        assert count == 1
        db.execute("UPDATE captions SET place = 'pipe.json'")
    with pytest.raises(InputError, match="a pipe"):
        review.read("clip-0.mp4")


def test_a_file_too_large_for_a_caption_does_not_hold_the_index_up(tmp_path: Path) -> None:
    path = make_set(tmp_path / "set", "folder", [make_document(0)])
    (path / "huge.json").write_text(" " * (LARGEST + 1))
    review = opened_set(path)
    with review.reading() as db:
        (huge,) = index.find(db, index.Query(state="unreadable"))
    assert (huge.name, huge.error) == ("huge", "huge.json: larger than the 4 MB of a caption")
    with pytest.raises(FormatError, match="larger"):
        review.read("huge")
