"""Generated captions and evidence: anything that the schema allows, any Unicode text included."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from instancecap.schema import caption as c
from instancecap.schema import evidence as e
from instancecap.schema import vocabulary as v
from instancecap.schema.base import TrackPoint, Utterance

# JSON text is UTF-8, which has no room for lone surrogates.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
units = st.floats(0, 1)
seconds = st.floats(0, 1e9)
numbers = st.floats(-1e9, 1e9)
counts = st.integers(1, 10**9)
names = st.dictionaries(texts, texts, max_size=2)
shares = st.lists(st.tuples(texts, units), max_size=2)


def word(vocabulary: Any) -> st.SearchStrategy[Any]:
    """One word of a closed vocabulary."""
    return st.sampled_from(get_args(vocabulary))


def word_or_none(vocabulary: Any) -> st.SearchStrategy[Any]:
    """One word of a closed vocabulary, or the empty string for *not known*."""
    return st.just("") | word(vocabulary)


def few(one: st.SearchStrategy[Any], most: int = 2, **options: Any) -> st.SearchStrategy[Any]:
    """A short list."""
    return st.lists(one, max_size=most, **options)


def _ordered(a: float, b: float, c: float, d: float) -> tuple[float, float, float, float]:
    return min(a, c), min(b, d), max(a, c), max(b, d)


boxes = st.builds(_ordered, units, units, units, units)
motions = st.just(["static"]) | few(
    word(v.Primitive).filter(lambda primitive: primitive != "static"), 4, unique=True
)
track_points = st.builds(TrackPoint, t=seconds, box=boxes, score=units)
video_fields: dict[str, st.SearchStrategy[Any]] = {
    "id": texts,
    "path": texts,
    "start": seconds,
    "end": seconds,
    "duration": seconds,
    "fps": seconds,
    "width": counts,
    "height": counts,
    "frames": st.integers(0, 10**9),
}
instances = st.builds(
    c.Instance,
    id=st.integers(0, 10**6),
    name=texts,
    class_=texts,
    category=word_or_none(v.Category),
    subcategory=texts,
    is_main=st.booleans(),
    count=counts,
    appearance=texts,
    action=texts,
    expression=texts,
    expression_spans=few(
        st.builds(
            c.ExpressionSpan,
            start=seconds,
            end=seconds,
            shows=texts,
            intensity=word_or_none(v.Intensity),
        )
    ),
    colors=few(texts),
    position=st.builds(
        c.Position,
        text=texts,
        start=word_or_none(v.Cell),
        end=word_or_none(v.Cell),
        enters=st.booleans(),
        leaves=st.booleans(),
    ),
    track=few(track_points),
)
cameras = st.builds(
    c.Camera,
    motion=motions,
    speed=word_or_none(v.Speed),
    stability=word_or_none(v.Stability),
    description=texts,
    shot_type=word_or_none(v.ShotType),
    shot_angle=word_or_none(v.ShotAngle),
    shot_position=word_or_none(v.ShotPosition),
)
written = st.builds(c.Text, text=texts, t=seconds, box=boxes)
judged: dict[str, st.SearchStrategy[Any]] = {"confidence": units, "frames": few(seconds)}
claims = st.builds(
    c.Claim,
    field=texts,
    says=texts,
    support=word(v.Support) | st.just("disputed"),
    **judged,
)
provenances = st.builds(c.Provenance, source=texts, support=word(v.Support), **judged)
utterances = st.builds(Utterance, start=seconds, end=seconds, text=texts)
distinct = few(instances, unique_by=(lambda one: one.id, lambda one: one.name.casefold() or one.id))


@st.composite
def _with_actors(draw: st.DrawFn, plain: st.SearchStrategy[c.Caption]) -> c.Caption:
    """A caption whose segments name some of its instances."""
    caption = draw(plain)
    for segment in caption.segments if caption.instances else []:
        ids = st.sampled_from([one.id for one in caption.instances])
        segment.instances = draw(few(ids, unique=True))
    return caption


_captions = st.builds(
    c.Caption,
    video=st.none() | st.builds(c.Video, **video_fields),
    global_description=texts,
    instances=distinct,
    background=texts,
    place=word_or_none(v.Place),
    lighting=texts,
    time_of_day=word_or_none(v.TimeOfDay),
    style=word_or_none(v.Style),
    camera=cameras,
    texts=few(written),
    shots=few(
        st.builds(
            c.Shot,
            start=seconds,
            end=seconds,
            transition=word(v.Transition),
            motion=motions,
            shot_type=word_or_none(v.ShotType),
        )
    ),
    segments=few(st.builds(c.Segment, start=seconds, end=seconds, description=texts)),
    audio=st.builds(c.Audio, sound=word_or_none(v.Sound), language=texts, speech=few(utterances)),
    claims=few(claims),
    provenance=st.dictionaries(texts, provenances, max_size=2),
    warnings=few(texts),
    producer=st.builds(
        c.Producer,
        name=texts,
        version=texts,
        captioner=texts,
        mode=texts,
        models=names,
        prompts=texts,
        seed=st.integers(-(10**9), 10**9),
    ),
)
captions = _with_actors(_captions)
"""Any :class:`~instancecap.schema.caption.Caption`."""

camera_facts = st.builds(
    e.CameraFacts,
    motion=motions,
    speed=word_or_none(v.Speed),
    stability=word_or_none(v.Stability),
    confidence=units,
    segments=few(st.builds(e.CameraSegment, start=seconds, end=seconds, motion=motions)),
    path=few(
        st.builds(
            e.CameraSample,
            t=seconds,
            dx=numbers,
            dy=numbers,
            zoom=numbers,
            roll=numbers,
            inliers=units,
        )
    ),
)
instance_facts = st.builds(
    e.InstanceFacts,
    id=st.integers(0, 10**6),
    class_=texts,
    confidence=units,
    salience=units,
    count=counts,
    source=texts,
    colors=shares,
    track=few(track_points),
    pose=few(
        st.builds(e.PoseSpan, start=seconds, end=seconds, word=word(v.PoseWord), confidence=units)
    ),
    masks=few(st.builds(e.MaskRle, t=seconds, size=st.tuples(counts, counts), counts=texts)),
    enters=st.booleans(),
    leaves=st.booleans(),
    motion=st.builds(
        e.InstanceMotion,
        moving=st.booleans(),
        direction=word_or_none(e.Direction),
        speed=seconds,
        scale_change=st.floats(1e-6, 1e6),
        activity=units,
        frame_dx=numbers,
        frame_dy=numbers,
        turns=few(st.builds(e.Turn, t=seconds, before=word(e.Heading), after=word(e.Heading))),
        still=few(st.tuples(seconds, seconds)),
        period=st.builds(e.Period, seconds=seconds, strength=units),
    ),
)
contacts = st.builds(
    e.Contact,
    first=st.integers(0, 10),
    second=st.integers(0, 10),
    start=seconds,
    end=seconds,
    kind=word(e.ContactKind),
)
faces = st.builds(
    e.Face,
    t=seconds,
    box=boxes,
    score=units,
    landmarks=few(st.tuples(numbers, numbers), 5),
    instance=st.none() | st.integers(0, 10),
)
evidences = st.builds(
    e.Evidence,
    video=st.builds(
        e.Video,
        **video_fields,
        rotation=st.sampled_from([0, 90, 180, 270]),
        start_pts=numbers,
        codec=texts,
        pixel_format=texts,
        frames_read=st.integers(0, 10**9),
    ),
    shots=few(st.builds(e.Shot, start=seconds, end=seconds, transition=word(v.Transition))),
    camera=camera_facts,
    instances=few(instance_facts, unique_by=lambda one: one.id),
    contacts=few(contacts),
    faces=few(faces),
    light=st.builds(
        e.LightFacts,
        brightness=units,
        contrast=units,
        saturation=units,
        warmth=numbers,
        change=numbers,
        time_of_day=word_or_none(v.TimeOfDay),
        confidence=units,
    ),
    place=st.builds(e.PlaceFacts, label=word(v.Place), confidence=units, colors=shares),
    framing=st.builds(
        e.FramingFacts,
        shot_type=word_or_none(v.ShotType),
        shot_angle=word_or_none(v.ShotAngle),
        shot_position=word_or_none(v.ShotPosition),
        style=word(v.Style),
        confidence=units,
        shots=few(word_or_none(v.ShotType)),
    ),
    texts=few(written),
    overlays=few(st.builds(e.TextRegion, t=seconds, end=seconds, box=boxes, score=units)),
    audio=st.builds(
        e.AudioFacts,
        sound=word_or_none(v.Sound),
        loudness=few(st.builds(e.Loudness, t=seconds, dbfs=st.floats(-100, 0))),
        speech=few(st.builds(e.SpeechSpan, start=seconds, end=seconds, confidence=units)),
        language=texts,
        transcript=few(utterances),
    ),
    models=names,
    warnings=few(texts),
    timings=st.dictionaries(texts, seconds, max_size=2),
)
"""Any :class:`~instancecap.schema.evidence.Evidence`."""
