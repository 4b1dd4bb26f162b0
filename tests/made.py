"""Evidence written by hand, and generated evidence of the kind that a measurement gives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, groupby, pairwise
from typing import Any, get_args

from hypothesis import strategies as st

from instancecap.captioners.measured.conduct import WAYS
from instancecap.evidence.color_names import COLORS
from instancecap.models.coco import CLASSES
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    CameraSample,
    CameraSegment,
    Contact,
    ContactKind,
    Evidence,
    FramingFacts,
    Heading,
    InstanceFacts,
    InstanceMotion,
    LightFacts,
    Period,
    PlaceFacts,
    Shot,
    Turn,
    Video,
)
from instancecap.schema.vocabulary import Primitive

NAMES = (*CLASSES, "object", "animal", "vehicle")
DIRECTIONS = ("left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right")
TURNS = {"pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out"}
TURNS |= {"roll_cw", "roll_ccw"}
Box = tuple[float, float, float, float]


def video(duration: float = 4.0, frames: int = 96) -> Video:
    return Video(
        id="made.mp4", path="in/made.mp4", start=0, end=duration, duration=duration, fps=24,
        width=640, height=360, frames=frames, frames_read=frames,
    )  # fmt: skip


def thing(
    name: str = "dog",
    start: Box = (0.1, 0.4, 0.3, 0.6),
    end: Box | None = None,
    *,
    id: int = 0,
    times: tuple[float, float] = (0.0, 4.0),
    points: int = 33,
    **facts: Any,
) -> InstanceFacts:
    """A thing that goes straight from one box to another; further facts as in the schema."""
    end = end or start
    motion = {key: facts.pop(key) for key in list(facts) if key in InstanceMotion.model_fields}
    motion.setdefault("moving", False)
    across, along = WAYS.get(motion.get("direction", ""), (0, 0))
    motion = {"frame_dx": 0.2 * across, "frame_dy": 0.2 * along} | motion
    steps = [i / max(points - 1, 1) for i in range(points)]
    track = [
        TrackPoint(
            t=round(times[0] + part * (times[1] - times[0]), 3),
            box=tuple(a + part * (b - a) for a, b in zip(start, end, strict=True)),  # type: ignore[arg-type]
            score=0.8,
        )
        for part in steps
    ]
    given = {"confidence": 0.8, "salience": 0.5 / (id + 1), "source": "yolox-nano"} | facts
    return InstanceFacts(
        id=id, class_=name, track=track, motion=InstanceMotion(**motion), **given
    )  # fmt: skip


def camera(*motion: Primitive, speed: str = "", stability: str = "stable") -> CameraFacts:
    path = [CameraSample(t=(i + 1) / 8, dx=0, dy=0, zoom=1, roll=0, inliers=0.9) for i in range(31)]
    return CameraFacts.model_validate(
        {
            "motion": list(motion),
            "speed": speed,
            "stability": stability,
            "confidence": 0.97,
            "segments": [CameraSegment(start=0, end=4, motion=list(motion))],
            "path": path,
        }
    )


def evidence(*instances: InstanceFacts, **parts: Any) -> Evidence:
    """Evidence of a clip of four seconds and one shot, unless told otherwise."""
    given: dict[str, Any] = {
        "video": video(),
        "shots": [Shot(start=0, end=4, transition="start")],
        "camera": camera("static"),
        "light": LightFacts(brightness=0.7, contrast=0.2, saturation=0.3),
    }
    return Evidence(instances=list(instances), **(given | parts))


units = st.floats(0, 1)
shares = st.lists(
    st.tuples(st.sampled_from(COLORS), st.integers(12, 100)),
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(
    lambda pairs: sorted(
        [(name, share / max(100, sum(s for _, s in pairs))) for name, share in pairs],
        key=lambda pair: -pair[1],
    )
)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, y0 = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
    return x0, y0, draw(st.floats(x0 + 0.05, 1)), draw(st.floats(y0 + 0.05, 1))


periods = st.just(Period()) | st.builds(
    Period, seconds=st.floats(0.2, 3), strength=st.floats(0.65, 1)
)


@st.composite
def turns(draw: st.DrawFn, first: float, last: float) -> list[Turn]:
    """Turns in the order of time, each to a new way that the next one starts from."""
    ways = draw(st.lists(st.sampled_from(get_args(Heading)), max_size=4))
    ways = [way for way, _ in groupby(ways)]
    step = (last - first) / (len(ways) + 1)
    return [
        Turn(t=round(first + (index + 1) * step, 3), before=before, after=after)
        for index, (before, after) in enumerate(pairwise(ways))
    ]


@st.composite
def rests(draw: st.DrawFn, first: float, last: float) -> list[tuple[float, float]]:
    """Up to two rests, of a second and more, that do not touch."""
    parts = sorted(draw(st.lists(units, min_size=4, max_size=4, unique=True)))
    times = [round(first + part * (last - first), 3) for part in parts]
    return [(a, b) for a, b in (times[:2], times[2:]) if b - a >= 1]


@st.composite
def contacts(draw: st.DrawFn, found: list[InstanceFacts]) -> list[Contact]:
    """Contacts of single things while both are seen."""
    made = []
    for one, two in combinations([item for item in found if item.count == 1], 2):
        start, end = max(one.track[0].t, two.track[0].t), min(one.track[-1].t, two.track[-1].t)
        if start < end and draw(st.booleans()):
            kind = draw(st.sampled_from(get_args(ContactKind)))
            made.append(Contact(first=one.id, second=two.id, start=start, end=end, kind=kind))
    return made


@st.composite
def things(draw: st.DrawFn, *, id: int, shot: Shot) -> InstanceFacts:
    moving = draw(st.booleans())
    single = draw(st.integers(0, 3)) > 0
    first = draw(st.floats(shot.start, shot.end - 0.2))
    last = draw(st.floats(first + 0.1, shot.end - 0.05))
    return thing(
        draw(st.sampled_from(NAMES)),
        draw(boxes()),
        draw(boxes()),
        id=id,
        times=(first, last),
        points=draw(st.integers(1, 40)),
        count=1 if single else draw(st.sampled_from([2, 3, 12])),
        confidence=draw(units),
        salience=0.9 / (id + 1),
        colors=draw(shares),
        enters=draw(st.booleans()),
        leaves=draw(st.booleans()),
        moving=moving,
        direction=draw(st.sampled_from(["", *DIRECTIONS])) if moving else "",
        speed=draw(st.floats(0.01, 2)) if moving else 0.0,
        scale_change=draw(st.floats(0.05, 20)),
        activity=draw(units),
        period=draw(periods) if single else Period(),
        turns=draw(turns(first, last)) if single and moving else [],
        still=draw(rests(first, last)) if single else [],
    )


def _step(motion: Sequence[str]) -> dict[str, float]:
    """How the picture moves in half a second under a camera that moves so."""
    step = {"dx": 0.0, "dy": 0.0, "zoom": 1.0, "roll": 0.0}
    for word in motion:
        name, amount = {
            "pan": ("dx", 0.1), "tilt": ("dy", 0.1), "zoom": ("zoom", 0.1), "roll": ("roll", -5.0),
            "static": ("dx", 0.0),
        }[word.split("_")[0]]  # fmt: skip
        step[name] += amount if word.endswith(("left", "up", "in", "_cw")) else -amount
    return step


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Any evidence that a measurement could give."""
    cuts = draw(st.lists(st.integers(1, 9), max_size=3, unique=True).map(sorted))
    edges = [0.0, *map(float, cuts), 10.0]
    kinds = ["start", *(draw(st.sampled_from(["cut", "fade", "dissolve"])) for _ in cuts)]
    shots = [
        Shot.model_validate({"start": a, "end": b, "transition": kind})
        for a, b, kind in zip(edges[:-1], edges[1:], kinds, strict=True)
    ]
    count = draw(st.integers(0, 5))
    found = [draw(things(id=i, shot=draw(st.sampled_from(shots)))) for i in range(count)]
    moves = st.sampled_from(sorted(TURNS))
    motions = st.just(["static"]) | st.lists(
        moves, min_size=1, max_size=3, unique_by=lambda word: word.split("_")[0]
    )
    parts = [draw(motions) for _ in shots]
    union = list(dict.fromkeys(word for part in parts for word in part if word != "static"))
    if found and {word[:3] for word in union} & {"pan", "til"} and draw(st.booleans()):
        union.append("tracking")
    measured = draw(st.booleans())
    facts = {
        "motion": (union or ["static"]) if measured else [],
        "speed": draw(st.sampled_from(["slow", "moderate", "fast"])) if union and measured else "",
        "stability": draw(st.sampled_from(["stable", "handheld", "shaky"])) if measured else "",
        "confidence": draw(units),
        "segments": [
            {"start": shot.start, "end": shot.end, "motion": part}
            for shot, part in zip(shots, parts, strict=True)
            if measured
        ],
        "path": [
            {"t": i / 2, "inliers": 0.9, **_step(part)}
            for i in range(1, 20)
            for shot, part in zip(shots, parts, strict=True)
            if measured and shot.start < i / 2 <= shot.end
        ],
    }
    label = draw(st.sampled_from(["indoor", "outdoor", "unknown"]))
    return Evidence(
        video=video(duration=10.0, frames=draw(st.sampled_from([240] if cuts else [1, 240]))),
        shots=shots,
        camera=CameraFacts.model_validate(facts),
        instances=found,
        contacts=draw(contacts(found)),
        light=LightFacts(
            brightness=draw(units), contrast=draw(st.floats(0, 0.5)), saturation=draw(units),
            warmth=draw(st.floats(-1, 1)), change=draw(st.floats(-1, 1)),
            time_of_day=draw(st.sampled_from(["day", "night", ""])), confidence=draw(units),
        ),
        place=PlaceFacts(label=label, confidence=draw(units), colors=draw(shares)),
        framing=FramingFacts(
            shot_type=draw(st.sampled_from(["long_shot", "close_up", ""])),
            shots=[draw(st.sampled_from(["long_shot", "full_shot", ""])) for _ in shots],
            confidence=draw(units),
        ),
    )  # fmt: skip
