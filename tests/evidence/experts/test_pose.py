"""Body words in the evidence: who is looked at, when, and what is made of the joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from instancecap.evidence.experts.pose import LEAST_HEIGHT, add_pose
from instancecap.evidence.view import within
from instancecap.schema import Caption, Evidence
from instancecap.schema.evidence import InstanceFacts, PoseSpan
from instancecap.verify.check import verify
from instancecap.video import Clip
from instancecap.video.decode import Picture
from tests.conftest import MakeVideo
from tests.evidence.skeletons import LYING, SEATED, STANDING, gait
from tests.made import evidence, thing, video


class Joints:
    """Sees the same body in every box, but for the times that it is told of."""

    name = "joints-1"

    def __init__(self, *bodies: NDArray[np.float64]) -> None:
        self.bodies, self.asked = bodies, 0

    def find(self, picture: Picture, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        body = self.bodies[min(self.asked, len(self.bodies) - 1)]
        self.asked += 1
        aspect = picture.shape[1] / picture.shape[0]
        found = []
        for x0, y0, x1, y1 in boxes:
            joints = 0.3 * body * np.array([1 / aspect, 1]) + np.array(
                [(x0 + x1) / 2, (y0 + y1) / 2]
            )
            found.append(np.column_stack([joints, np.full(17, 0.8)]))
        return np.stack(found)


def someone(**facts: object) -> InstanceFacts:
    return thing("person", (0.4, 0.1, 0.6, 0.9), **facts)


@pytest.fixture
def clip(tmp_path: Path, make_video: MakeVideo) -> Clip:
    return Clip.open(make_video(tmp_path / "a.mp4", frames=32, size=(320, 240)))


def test_people_get_the_words_of_their_joints(clip: Clip) -> None:
    facts = evidence(someone(), thing("dog", id=1), thing("person", id=2, count=5))
    add_pose(clip, facts, Joints(SEATED))
    (span,) = facts.instances[0].pose
    assert (span.word, span.start, span.confidence) == ("sitting", 0.0, 0.8)
    assert span.end == pytest.approx(3.75, abs=0.3)
    assert facts.models["pose"] == "joints-1" and facts.timings["pose"] > 0
    assert not facts.instances[1].pose and not facts.instances[2].pose
    again = Evidence.from_json(facts.to_json())
    assert again.instances[0].pose == [span]
    part = within(facts, 1.0, 2.0, rebase=True)
    assert [(one.start, one.end) for one in part.instances[0].pose] == [(0.0, 1.0)]


def test_words_follow_one_another(clip: Clip) -> None:
    facts = evidence(someone())
    add_pose(clip, facts, Joints(*[SEATED] * 6, *[STANDING] * 10))
    assert [one.word for one in facts.instances[0].pose] == ["sitting", "standing"]


def test_who_is_small_or_gone_is_not_looked_at(clip: Clip) -> None:
    model = Joints(STANDING)
    small = thing("person", (0.4, 0.4, 0.5, 0.4 + (LEAST_HEIGHT - 8) / 240))
    add_pose(clip, evidence(small), model)
    assert model.asked == 0
    facts = evidence(thing("person", (0.4, 0.1, 0.6, 0.9), times=(1.0, 2.0)))
    add_pose(clip, facts, model)
    assert 3 <= model.asked <= 6
    (span,) = facts.instances[0].pose
    assert 0.9 <= span.start < span.end <= 2.1


def test_a_still_and_a_clip_without_people_are_left_alone(clip: Clip) -> None:
    for facts in (evidence(thing("dog")), evidence(someone(), video=video(frames=1))):
        model = Joints(STANDING)
        add_pose(clip, facts, model)
        assert model.asked == 0
    assert "pose" not in evidence(someone()).to_json()


def test_words_of_one_shot_do_not_lean_on_another(clip: Clip) -> None:
    facts = evidence(someone())
    facts.shots[0].end = 2.0
    facts.shots.append(facts.shots[0].model_copy(update={"start": 2.0, "end": 4.0}))
    steps = [gait(i / 4.4) + np.array([i * 0.3, 0.0]) for i in range(8)]
    add_pose(clip, facts, Joints(*steps, LYING))
    spans = facts.instances[0].pose
    assert [one.word for one in spans] == ["walking", "lying"]
    assert spans[0].end < 2.0 <= spans[1].start


@pytest.mark.parametrize(
    ("says", "support"),
    [
        ("A person sits on a bench.", "unchecked"),  # it agrees, and nobody counted how often
        ("A person stands by a wall.", "disputed"),
        ("A person walks along a wall.", "disputed"),
        ("A person is lying on a bench.", "disputed"),
    ],
)
def test_other_words_are_disputed(says: str, support: str) -> None:
    person = someone(pose=[PoseSpan(start=0.0, end=3.75, word="sitting", confidence=0.8)])
    caption = Caption(video=None, global_description=says)
    found = [one for one in verify(caption, evidence(person)).findings if one.kind == "pose"]
    assert [one.claim.support for one in found] == [support]
    plain = verify(caption, evidence(someone())).findings
    assert not any(one.kind == "pose" for one in plain)


@pytest.mark.parametrize(
    "says", ["A person stands up.", "A person does not sit.", "A dog sits.", "A person moves."]
)
def test_what_is_no_pose_of_a_person_is_not_disputed(says: str) -> None:
    person = someone(pose=[PoseSpan(start=0.0, end=3.75, word="lying", confidence=0.8)])
    found = verify(
        Caption(video=None, global_description=says), evidence(person, thing("dog", id=1))
    ).findings
    assert "disputed" not in {one.claim.support for one in found if one.kind == "pose"}
