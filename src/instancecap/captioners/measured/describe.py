"""The measured captioner: a caption that states what Evidence proves and nothing else.

No language model and no network are needed. What was not measured, and what is not reliable
enough to be stated (see :mod:`.content_selection`), stays empty.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from operator import attrgetter, itemgetter
from typing import cast

from instancecap.captioners.measured import content_selection as content
from instancecap.captioners.measured import scene_selection as whole
from instancecap.captioners.measured.conduct import Conduct, conduct_in_clip, conduct_of
from instancecap.captioners.measured.content_selection import Gate, Name
from instancecap.captioners.measured.sentences import Sentences, language_of
from instancecap.evidence.reliability import TRANSCRIBED, precision
from instancecap.evidence.view import within
from instancecap.models.classes import is_kind
from instancecap.models.coco import CATEGORIES
from instancecap.schema import caption as c
from instancecap.schema import pointer
from instancecap.schema.base import TrackPoint, Utterance
from instancecap.schema.evidence import AudioFacts, Evidence, InstanceFacts
from instancecap.schema.tracks import cell_of
from instancecap.schema.vocabulary import Category, Cell, Primitive
from instancecap.version import __version__
from instancecap.video.sampling import pick_evenly

MAX_INSTANCES = 3

_SOURCES = tomllib.loads((files(__package__) / "sources.toml").read_text("utf-8"))


def describe(
    evidence: Evidence,
    *,
    max_instances: int = MAX_INSTANCES,
    language: str = "en",
    all_facts: bool = False,
) -> c.Caption:
    """Write the caption of a clip from its evidence.

    Args:
        max_instances: the most salient instances to describe.
        language: BCP-47 tag of the sentences, such as ``en`` or ``zh``; what a caption takes from
            a closed vocabulary, and class names, stay English words.
        all_facts: state also what is not reliable enough, and instances without a class: for
            callers who check and replace what stands in the caption.

    Raises:
        UsageError: sentences cannot be written in ``language``.
    """
    say = language_of(language)
    gate: Gate = content.is_any if all_facts else content.is_reliable
    items = content.select_instances(evidence, most=max_instances, gate=gate)
    names = content.name_instances(items, gate)
    subjects = [
        _Subject(item, name, conduct_in_clip(item, evidence, gate))
        for item, name in zip(items, names, strict=True)
    ]
    # A group whose number is not known is told of in the summary, and is no instance.
    listed = [one for one in subjects if content.is_counted(one.item, gate)]
    scene = whole.select_scene(evidence, items, gate)
    motion = whole.select_camera(evidence, gate)
    caption = c.Caption(
        video=c.Video(**evidence.video.model_dump(include=set(c.Video.model_fields))),
        global_description=_global(evidence, subjects, motion, scene, gate=gate, say=say),
        instances=[_instance(one, listed[0] is one, evidence, say=say) for one in listed],
        background=say.background_sentence(scene),
        place=evidence.place.label if scene.place or gate is content.is_any else "unknown",
        lighting=say.light_sentence(whole.select_light(evidence)),
        time_of_day=scene.time_of_day,
        style=evidence.framing.style if gate("style", evidence.framing.confidence) else "unknown",
        camera=_camera(evidence, motion, subjects, gate=gate, say=say),
        texts=evidence.texts,
        shots=_shots(evidence, motion, gate=gate),
        segments=_segments(evidence, listed, gate=gate, say=say),
        audio=_audio(evidence.audio),
        warnings=list(evidence.warnings),
        producer=c.Producer(version=__version__, captioner="measured", models=evidence.models),
    )
    caption.provenance = _provenance(caption, evidence, items, scene)
    return caption


def without_sentences(caption: c.Caption) -> c.Caption:
    """A copy with every sentence left empty: what a measured caption states in any language."""
    bare = caption.model_copy(deep=True)
    bare.global_description = bare.background = bare.lighting = bare.camera.description = ""
    bare.segments = []
    for item in bare.instances:
        item.name = item.appearance = item.action = item.position.text = ""
    leaves = bare.leaves()
    bare.provenance = {key: source for key, source in bare.provenance.items() if key in leaves}
    return bare


@dataclass(frozen=True, slots=True)
class _Subject:
    """An instance of the caption, what it is called, and what it does in the clip."""

    item: InstanceFacts
    name: Name
    conduct: Conduct


def _instance(one: _Subject, is_main: bool, evidence: Evidence, *, say: Sentences) -> c.Instance:
    item, name = one.item, one.name
    still = evidence.video.frames == 1
    position = c.Position(enters=item.enters, leaves=item.leaves)
    if item.track:
        start, end = (_cell(item.track[index]) for index in (0, -1))
        text = say.position_phrase(one.conduct)
        position = position.model_copy(update={"text": text, "start": start, "end": end})
    return c.Instance(
        id=item.id,
        name=say.name_phrase(name),
        class_=item.class_,
        category=cast(Category, content.category_of(item)),
        subcategory=_subcategory(item),
        is_main=is_main,
        count=item.count,
        appearance=say.appearance_sentence(name, content.size_of(item)),
        action="" if still else say.action_sentence(one.conduct, count=item.count),
        colors=list(name.colors),
        position=position,
        track=_sketch(item, evidence),
    )


def _subcategory(item: InstanceFacts) -> str:
    """The finest word for what it is; empty for a hypernym and for no name."""
    if is_kind(item.phrase):
        return item.phrase
    return item.class_ if item.class_ in CATEGORIES or item.category else ""


def _cell(point: TrackPoint) -> Cell:
    box = point.box
    return cell_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _sketch(item: InstanceFacts, evidence: Evidence) -> list[TrackPoint]:
    """At most 16 points of the track per shot."""
    points: list[TrackPoint] = []
    for shot in evidence.shots:
        inside = [p for p in item.track if shot.start <= p.t < max(shot.end, shot.start + 1e-3)]
        chosen = pick_evenly(len(inside), c.TRACK_POINTS_PER_SHOT)
        points += [inside[index] for index in chosen]
    return points or [item.track[i] for i in pick_evenly(len(item.track), c.TRACK_POINTS_PER_SHOT)]


def _global(
    evidence: Evidence,
    subjects: Sequence[_Subject],
    motion: Sequence[Primitive],
    scene: whole.Scene,
    *,
    gate: Gate,
    say: Sentences,
) -> str:
    """What happens; of a clip with several shots what it shows, as its segments tell the rest."""
    if not evidence.shots:
        return ""
    several = len(evidence.shots) > 1
    if several and subjects:
        scene = whole.Scene()
    introductions = [say.introduce(name) for name in _mentions([one.name for one in subjects])]
    shots = len(evidence.shots) if several and gate("transition", 1.0) else 0
    if not subjects:
        stages = whole.camera_stages(evidence, motion)
        told = (
            say.shots_sentence(shots, []),
            say.unnamed_sentence(scene, stages, static=motion == ["static"]),
            say.light_sentence(whole.select_light(evidence)),
        )
        return say.paragraph(told)
    if evidence.video.frames == 1:
        return say.picture_sentence(introductions)
    if several:
        return say.shots_sentence(shots, introductions)
    return _events(scene, [(one.name, one.conduct) for one in subjects], say=say)


def _events(scene: whole.Scene, subjects: Sequence[tuple[Name, Conduct]], *, say: Sentences) -> str:
    """What named instances do within one shot."""
    active = [(name, did) for name, did in subjects if did.acts]
    others = [(name, did) for name, did in subjects if not did.acts]
    names = _mentions([name for name, _ in (*active, *others)])
    acting = [
        (say.introduce(name), say.action_phrase(did, count=name.count))
        for name, (_, did) in zip(names, active, strict=False)
    ]
    there = [
        say.located(name, did) for name, (_, did) in zip(names[len(active) :], others, strict=True)
    ]
    return say.events_sentence(scene, acting, there)


def _mentions(names: Sequence[Name]) -> list[Name]:
    """The names with their numbers in the order of one sentence."""
    plain = [replace(name, number=0) for name in names]
    return [
        replace(name, number=plain[:index].count(plain[index]) + 1) if name.number else name
        for index, name in enumerate(names)
    ]


def _segments(
    evidence: Evidence, subjects: Sequence[_Subject], *, gate: Gate, say: Sentences
) -> list[c.Segment]:
    """What the caption's instances do in each shot of a clip that has several."""
    segments = []
    for shot in evidence.shots if len(evidence.shots) > 1 else []:
        span = within(evidence, shot.start, shot.end)
        seen = {item.id: item for item in span.instances}
        here = [(one.name, seen[one.item.id]) for one in subjects if one.item.id in seen]
        if here:
            acts = [(name, conduct_of(item, gate, camera=span.camera)) for name, item in here]
            text = _events(whole.Scene(), acts, say=say)
            ids = [item.id for _, item in here]
            segments.append(
                c.Segment(start=shot.start, end=shot.end, description=text, instances=ids)
            )
    return segments


def _audio(facts: AudioFacts) -> c.Audio:
    """What is heard: the words where they were transcribed, else where somebody speaks."""
    spans = [Utterance(start=one.start, end=one.end) for one in facts.speech]
    return c.Audio(sound=facts.sound, language=facts.language, speech=facts.transcript or spans)


def _camera(
    evidence: Evidence,
    motion: list[Primitive],
    subjects: Sequence[_Subject],
    *,
    gate: Gate,
    say: Sentences,
) -> c.Camera:
    facts, framing = evidence.camera, evidence.framing
    speed = facts.speed if motion else ""
    # Somebody small, as in the corner of a game, is not what the picture is of.
    faces_camera = (
        bool(subjects)
        and subjects[0].conduct.faces_camera
        and content.size_of(subjects[0].item) != "small"
    )
    return c.Camera(
        motion=motion,
        speed=speed,
        stability=facts.stability,
        description=say.camera_sentence(
            whole.camera_stages(evidence, motion),
            static=motion == ["static"],
            speed="" if speed == "moderate" else speed,
        ),
        shot_type=framing.shot_type
        if len(set(framing.shots)) == 1 and gate("shot_type", framing.confidence)
        else "",
        shot_angle=framing.shot_angle if gate("shot_angle", framing.confidence) else "",
        shot_position="front_view" if faces_camera else "",
    )


def _shots(evidence: Evidence, motion: Sequence[Primitive], *, gate: Gate) -> list[c.Shot]:
    types = evidence.framing.shots if gate("shot_type", evidence.framing.confidence) else []
    shots = []
    for index, shot in enumerate(evidence.shots):
        words = [
            word
            for segment in evidence.camera.segments
            if segment.start >= shot.start - 1e-3 and segment.end <= shot.end + 1e-3
            for word in segment.motion
            if word in motion and word != "static"
        ]
        shots.append(
            c.Shot(
                start=shot.start,
                end=shot.end,
                transition=shot.transition,
                motion=list(dict.fromkeys(words)) or (["static"] if motion else []),
                shot_type=types[index] if index < len(types) else "",
            )
        )
    return shots


def _provenance(
    caption: c.Caption, evidence: Evidence, items: Sequence[InstanceFacts], scene: whole.Scene
) -> dict[str, c.Provenance]:
    """Who measured each leaf of the caption, how surely, and on which frames it can be seen;
    ``items`` are its instances as they are called there."""
    by_id = {item.id: item for item in items}
    times = [step.t for step in evidence.camera.path] or [0.0]
    spread = [round(times[i], 3) for i in pick_evenly(len(times), 4)]
    entries = {}
    for at in caption.leaves():
        part, *way = pointer.parse(at)
        frames = spread
        if part == "instances":
            item = by_id[int(way[0])]
            frames = [item.track[i].t for i in pick_evenly(len(item.track), 4)]
            colors = pointer.resolve(caption, f"/instances/{way[0]}/colors")
            source, confidence = _instance_source(item, way[1], colors)
        elif part == "background":
            source, confidence = _background_source(evidence, scene)
        elif part == "audio":
            frames, source, confidence = [], "sound", 1.0
            if at != "/audio/sound":
                source, confidence = "transcriber", TRANSCRIBED
        else:
            if part in ("shots", "segments"):
                span = pointer.resolve(caption, f"/{part}/{way[0]}")
                frames = [round((span.start + span.end) / 2, 3)]
            source, confidence = _clip_source(evidence, part if part == "segments" else at)
        entries[at] = c.Provenance(
            source=source, confidence=round(confidence, 3), support="measured", frames=frames
        )
    return entries


def _instance_source(item: InstanceFacts, field: str, colors: list[str]) -> tuple[str, float]:
    if colors and field in ("colors", "appearance"):
        shares = [share for name, share in item.colors if name in colors]
        return "colors", min([item.confidence, *(precision("color", share) for share in shares)])
    measured_by_box = ("position", "action", "appearance")
    return (item.tracker or "tracker") if field in measured_by_box else item.source, item.confidence


def _background_source(evidence: Evidence, scene: whole.Scene) -> tuple[str, float]:
    """Of the least sure among what the sentence says."""
    sources = [("text", _SOURCES["text"][1])] if scene.texts or scene.titles else []
    if scene.color:
        sources.append(("colors", evidence.place.colors[0][1]))
        sources += [("place", evidence.place.confidence)] if scene.place else []
    return min(sources, key=itemgetter(1))


def _clip_source(evidence: Evidence, at: str) -> tuple[str, float]:
    if at in ("segments", "/global_description"):
        return "tracker", max((item.confidence for item in evidence.instances), default=0.5)
    source, sure = _SOURCES.get(at.rpartition("/")[2], ("measured", 0.5))
    if source == "camera":
        source = evidence.models.get("camera", source)  # the camera model, where one was chosen
    return source, attrgetter(sure)(evidence) if isinstance(sure, str) else sure
