"""Clips of several shots, and long ones: windows, segments, and one clip a shot."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.chain import ChainOptions, predict, split
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.chain.windows import Window, cut_windows, frame_times
from instancecap.captioners.measured.describe import describe
from instancecap.mllm.base import Image, Request
from instancecap.schema.caption import Caption, Claim
from instancecap.schema.evidence import CameraSample, Evidence, Shot
from instancecap.video import Clip
from tests.captioners.chain.answering import (
    CAR,
    DOG,
    Answering,
    Fake,
    answer_with,
    ask_about,
    keys_of,
    listing,
    text_of,
)
from tests.made import camera, evidence, evidences, thing, video

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


NEVER = ChainOptions(detail="never")


def long_clip(*cuts: float, duration: float = 20.0) -> Evidence:
    edges = [0.0, *cuts, duration]
    shots = [Shot(start=a, end=b, transition="cut" if a else "start") for a, b in pairwise(edges)]
    path = [
        CameraSample(t=i / 8, dx=0, dy=0, zoom=1, roll=0, inliers=0.9)
        for i in range(1, int(duration * 8))
    ]
    still = camera("static").model_copy(update={"path": path})
    return evidence(
        thing("dog", times=(0, edges[1] - 0.1), points=40),
        shots=shots,
        camera=still,
        video=video(duration=duration, frames=int(duration * 24)),
    )


# Windows ------------------------------------------------------------------------------------------


def test_windows_are_short_and_end_at_cuts() -> None:
    windows = cut_windows(long_clip(3.0), seconds=8)
    assert windows == [Window(0, 3), Window(3, 8.667), Window(8.667, 14.333), Window(14.333, 20)]
    assert cut_windows(long_clip(duration=8.0), seconds=8) == [Window(0, 8)]


@given(evidences(), st.sampled_from([0.5, 2.0, 8.0]))
@settings(max_examples=40)
def test_windows_cover_the_clip_once(facts: Evidence, seconds: float) -> None:
    windows = cut_windows(facts, seconds=seconds)
    assert windows[0].start == 0
    assert windows[-1].end == facts.video.duration
    for one, other in pairwise(windows):
        assert one.end == other.start
    cuts = {shot.start for shot in facts.shots if shot.transition == "cut"}
    for one in windows:
        assert one.end - one.start <= seconds + 0.01
        assert not any(one.start + 1 < cut < one.end for cut in cuts), "but for slivers"


def test_pictures_keep_away_from_a_dissolve() -> None:
    facts = long_clip(0.6, 5.0)
    for shot in facts.shots[1:]:
        shot.transition = "dissolve"
    windows = cut_windows(facts, seconds=8)
    assert windows == [Window(0, 5), Window(5, 12.5), Window(12.5, 20)], "no part that only blends"
    times = [t for one in windows for t in frame_times(facts, one, frames=8)]
    assert times[0] == 0 and all(abs(t - blend) > 0.5 for t in times for blend in (0.6, 5.0))


@given(evidences(), st.integers(1, 12))
@settings(max_examples=40)
def test_frames_are_spread_over_a_window(facts: Evidence, frames: int) -> None:
    for window in cut_windows(facts, seconds=4):
        times = frame_times(facts, window, frames=frames)
        assert (facts.video.frames > 1) <= len(times) <= frames
        assert times == sorted(set(times))
        assert all(window.start - 0.01 <= t < window.end for t in times)


def told(**corrections: str) -> Answering:
    """The dog barks in all parts but the first; the corrections are of the dog."""

    said: dict[str, Any] = {f"part_{n}": f"The dog barks {n} times." for n in range(2, 9)}
    said |= {"part_1": "Nobody barks."} | {f"who_{n}": ["the car"] for n in range(1, 9)}
    wrong = [{"about": "The brown dog", "key": key, "instead": instead}
             for key, instead in corrections.items()]  # fmt: skip
    return listing(DOG, CAR, corrections=wrong, **said)


def test_what_happens_in_each_window_lands_in_segments_under_the_agreed_names() -> None:
    facts, backend = long_clip(3.0), Fake(told())
    written = ask_about(facts, backend, detail="never")
    caption = written.caption
    spans = [(one.start, one.end) for one in caption.segments]
    assert spans == [(0, 3), (3, 8.667), (8.667, 14.333), (14.333, 20)]
    dog, car = (one.id for one in caption.instances)
    assert [one.instances for one in caption.segments] == [[car], *[[dog, car]] * 3]
    assert len({one.description for one in caption.segments}) == 4
    assert written.usage.calls == 1 + 2 == predict(facts, options=NEVER).calls
    look, *closer = backend.requests
    whole = [one.t for one in look.messages[1].parts if isinstance(one, Image)]
    assert (len(whole), whole[0]) == (16, 0.0) and whole[-1] == 19.875, "to its very end"
    assert [one.images for one in closer] == [3 + 6 + 6, 6], "one a second"
    assert all("- the brown dog" in text_of(one) for one in closer)
    given = ["Said of action", "Said of global", "Said of appearance"]
    assert not any(said in text_of(one) for one in closer for said in given)
    assert caption.provenance["/segments/3/description"].source == "replied-1"
    assert min(caption.provenance["/segments/3/description"].frames) > 14


def test_pictures_that_lie_close_show_what_happens_in_each_part_as_well() -> None:
    backend = Fake(told())
    written = ask_about(long_clip(3.0, duration=12.0), backend, detail="never")
    assert written.usage.calls == 1 and written.usage.images == 16
    assert [one.start for one in written.caption.segments] == [0, 3, 7.5]
    assert keys_of(backend.requests[0])[1:4] == ["instances", "part_1", "who_1"]


def test_a_cut_that_only_the_model_sees_ends_a_part_and_its_shot() -> None:
    facts, backend = long_clip(3.0, duration=12.0), Fake(told())
    times = [one.t or 0.0 for one in sketch(facts, options=NEVER).frames]
    seen = {"instances": [DOG], "new_views": [9, 11, 99], "part_3": "Another view.", "part_4": ""}
    jump = round((times[9] + times[10]) / 2, 3)
    backend = Fake(lambda one: answer_with(one, seen))
    written = ask_about(facts, backend, detail="never")
    caption = written.caption
    starts = [one.start for one in caption.segments]
    assert written.usage.calls == 2, "the part that it lies in is asked anew"
    assert [one.start for one in caption.shots] == [0, 3, jump], "the other is a measured one"
    assert caption.provenance["/shots/2/transition"].source == "replied-1"
    assert starts[:3] == [0, 3, jump] and caption.segments[2].description == "Another view."
    every = answer_with(backend.requests[0], seen | {"new_views": list(range(1, 17))})
    again = ask_about(facts, Fake(lambda one: every), detail="never").caption
    assert len(again.shots) == 2, "whoever lists every picture has not understood"


def test_writing_that_only_the_parts_show_is_added() -> None:
    def answer(request: Request) -> str:
        box = {"picture": 1, "box": [0, 0, 200, 100]}
        texts = [box | {"text": "GOAL"}]
        if "instances" not in keys_of(request):
            texts += [box | {"text": "goal"}, box | {"text": "2:1"}]
        return answer_with(request, {"instances": [DOG], "texts": texts, "new_views": []})

    caption = ask_about(long_clip(3.0), Fake(answer), detail="never").caption
    assert [one.text for one in caption.texts] == ["GOAL", "2:1"]


def test_what_the_parts_show_corrects_what_the_whole_view_showed() -> None:
    right = {"class": "Wolf", "count": "3", "name": "the gray wolves",
             "appearance": "Three gray wolves with thick fur."}  # fmt: skip
    caption = ask_about(long_clip(3.0), Fake(told(**right)), detail="never").caption
    wolves = caption.instances[0]
    assert (wolves.name, wolves.subcategory, wolves.count) == ("the gray wolves", "wolf", 3)
    assert wolves.appearance == "Three gray wolves with thick fur."
    nonsense = {"count": "many", "key": "x"}
    dog = ask_about(long_clip(3.0), Fake(told(**nonsense)), detail="never").caption.instances[0]
    assert (dog.name, dog.count) == ("the brown dog", 1)


def test_the_parts_of_a_long_clip_are_asked_in_every_mode() -> None:
    for mode, calls in (("fused", 1 + 2), ("paper", 5 + 4), ("single", 1 + 2)):
        assert ask_about(long_clip(3.0), mode=mode, detail="never").usage.calls == calls, mode
    fewer = ask_about(long_clip(3.0), window=20.0)
    assert len(fewer.caption.segments) == 2


def test_a_window_without_an_answer_is_told() -> None:
    def answer(request: Request) -> str:
        lost = "between 0.0 and" in text_of(request)
        return "" if lost else answer_with(request, {})

    caption = ask_about(long_clip(3.0), Fake(answer)).caption
    assert [one.start for one in caption.segments] == [14.333]
    assert any(line.startswith("0-14.333 s:") for line in caption.warnings)
    assert caption.provenance.keys() >= caption.leaves().keys()


def test_where_no_window_is_answered_the_measured_segments_stay() -> None:
    facts = long_clip(3.0)
    told = {"instances": [DOG]}
    lost = Fake(
        lambda one: (
            "" if "part_1" in keys_of(one) or "part_4" in keys_of(one) else answer_with(one, told)
        )
    )
    caption = ask_about(facts, lost).caption
    assert caption.segments == describe(facts, all_facts=True).segments != []
    assert caption.provenance["/segments/0/description"].support == "measured"


def test_parts_that_are_described_anew_are_checked_anew() -> None:
    def part(way: str) -> Answering:
        return listing(DOG, **{f"part_{n}": f"The brown dog runs to the {way}." for n in (1, 2)})

    facts = long_clip(3.0, duration=6.0)
    right, left = (
        ask_about(facts, Fake(part(way)), detail="never").caption for way in ("right", "left")
    )
    again = {"previous": right, "fields": frozenset({"segments"})}
    after = ask_about(facts, Fake(part("left")), **again).caption

    def claims(caption: Caption) -> list[Claim]:
        return [one for one in caption.claims if one.field.startswith("/segments/")]

    assert claims(after) == claims(left) != claims(right)


# One clip a shot ----------------------------------------------------------------------------------


@given(evidences())
@settings(max_examples=20)
def test_the_shots_of_a_clip_as_clips(facts: Evidence) -> None:
    facts.video.start, facts.video.end = 2.0, 12.0
    pieces = split(Clip.open("in/made.mp4", start=2.0, end=12.0), facts)
    assert len(pieces) == len(facts.shots)
    for number, ((part, piece), shot) in enumerate(zip(pieces, facts.shots, strict=True), 1):
        again = Evidence.model_validate(piece.model_dump())
        describe(again)
        if len(pieces) > 1:
            assert part.id == piece.video.id == f"made.mp4#{number}"
        assert part.start == pytest.approx(piece.video.start) == pytest.approx(2 + shot.start)
        assert part.end == pytest.approx(piece.video.end)
