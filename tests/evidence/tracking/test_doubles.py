"""A part of an instance that the detector finds again is no second instance."""

from __future__ import annotations

import numpy as np
import pytest

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.experts.world import CameraTrajectory
from instancecap.evidence.tracking.instances import Named, named_instances
from instancecap.evidence.tracking.naming import Naming
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import Shot

WHOLE, PART = (0.1, 0.1, 0.7, 0.9), (0.35, 0.12, 0.68, 0.5)


def named(class_: str, box: tuple[float, ...], sure: float) -> Named:
    track = Track(
        times=[i / 4 for i in range(8)],
        boxes=[np.array(box)] * 8,
        scores=[np.full(len(CLASSES), 0.6, np.float32)] * 8,
        colors=[np.ones(len(COLORS)) / len(COLORS)] * 8,
    )
    return Named(track, Naming(class_, sure, sure))


@pytest.mark.parametrize(
    ("whole", "part", "count"),
    [("person", "person", 1), ("dog", "cat", 1), ("animal", "cat", 1), ("vehicle", "car", 1),
     ("car", "bicycle", 2), ("person", "dog", 2)],
)  # fmt: skip
def test_what_lies_in_something_of_its_kind_is_a_part_of_it(
    whole: str, part: str, count: int
) -> None:
    world = CameraTrajectory(np.arange(8) / 4, (np.eye(2, 3),) * 8, (320, 180), moves=False)
    shot = Shot(start=0.0, end=2.0, transition="start")
    found = named_instances(
        [named(whole, WHOLE, 0.9), named(part, PART, 0.85)], shot=shot, end=2.0, world=world
    )
    assert [item.class_ for item in found][:1] == [whole]
    assert len(found) == count
