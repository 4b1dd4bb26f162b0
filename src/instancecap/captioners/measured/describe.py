"""The measured captioner: a caption that says what Evidence proves and nothing else.

No language model and no network are needed. What was not measured stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.measured.language import Language, language_of
from instancecap.captioners.measured.telling import main_colors
from instancecap.evidence.geometry import cell_of
from instancecap.models.coco import CATEGORIES
from instancecap.schema import caption as c
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot
from instancecap.schema.vocabulary import Category, Cell, Primitive
from instancecap.version import __version__
from instancecap.video.sampling import pick_evenly

MAX_INSTANCES = 3

_HYPERNYM_CATEGORIES: dict[str, Category] = {
    "animal": "animal",
    "vehicle": "vehicle",
    "object": "other",
}


def describe(
    evidence: Evidence, *, max_instances: int = MAX_INSTANCES, language: str = "en"
) -> c.Caption:
    """Write the caption of a clip from its evidence.

    Args:
        max_instances: the most salient things to describe.
        language: BCP-47 tag of the sentences, such as ``en`` or ``zh``; what a caption takes from
            a closed vocabulary, and class names, stay English words.

    Raises:
        UsageError: sentences cannot be written in ``language``.
    """
    say = language_of(language)
    shown = evidence.instances[: max(0, max_instances)]
    instances = [
        _instance(item, evidence, before=shown[:index], say=say) for index, item in enumerate(shown)
    ]
    caption = c.Caption(
        video=c.Video(**evidence.video.model_dump(include=set(c.Video.model_fields))),
        global_description=_global(evidence, shown, say=say),
        instances=instances,
        background=say.background_sentence(evidence.place),
        place=evidence.place.label,
        lighting=say.light_sentence(evidence.light) if evidence.light.brightness else "",
        time_of_day=evidence.light.time_of_day,
        style=evidence.framing.style,
        camera=_camera(evidence, shown, say=say),
        texts=evidence.texts,
        shots=[_shot(evidence, index) for index in range(len(evidence.shots))],
        segments=_segments(evidence, shown, say=say),
        warnings=list(evidence.warnings),
        producer=c.Producer(version=__version__, captioner="measured", models=evidence.models),
    )
    caption.provenance = _provenance(caption, evidence)
    return caption


def without_sentences(caption: c.Caption) -> c.Caption:
    """A copy with every sentence left empty: what a measured caption says in any language."""
    bare = caption.model_copy(deep=True)
    bare.global_description = bare.background = bare.lighting = bare.camera.description = ""
    bare.segments = []
    for item in bare.instances:
        item.appearance = item.action = item.position.text = ""
    leaves = bare.leaves()
    bare.provenance = {key: told for key, told in bare.provenance.items() if key in leaves}
    return bare


def _visible_changes(item: InstanceFacts, evidence: Evidence) -> tuple[bool, bool]:
    """Whether the thing is seen to enter and to leave, rather than cut in or cut away."""
    if not item.track:
        return False, False
    first, last = item.track[0].t, item.track[-1].t
    shot = _shot_of(evidence, first)
    cut_in = shot is not None and shot.start > 0.05 and first - shot.start < 0.4
    cut_out = (
        shot is not None and shot.end < evidence.video.duration - 0.05 and (shot.end - last < 0.4)
    )
    return item.enters and not cut_in, item.leaves and not cut_out


def _shot_of(evidence: Evidence, t: float) -> Shot | None:
    return next((shot for shot in evidence.shots if shot.start <= t < shot.end), None)


def _instance(
    item: InstanceFacts, evidence: Evidence, *, before: Sequence[InstanceFacts], say: Language
) -> c.Instance:
    """The caption of one thing; those ``before`` it are told of already."""
    category = _HYPERNYM_CATEGORIES.get(item.class_) or CATEGORIES.get(item.class_, "other")
    return c.Instance(
        id=item.id,
        class_=item.class_,
        category=category,
        subcategory=item.class_ if item.class_ in CATEGORIES else "",
        is_main=not before,
        count=item.count,
        appearance=say.appearance_sentence(item, area=_mean_area(item)),
        action=say.sentence(_action(item, evidence, before=before, say=say)),
        colors=main_colors(item),
        position=_position(item, evidence, say=say),
        track=_sketch(item, evidence),
    )


def _mean_area(item: InstanceFacts) -> float | None:
    if not item.track:
        return None
    boxes = [point.box for point in item.track]
    return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes) / len(boxes)


def _position(item: InstanceFacts, evidence: Evidence, *, say: Language) -> c.Position:
    if not item.track:
        return c.Position(enters=item.enters, leaves=item.leaves)
    cells = [cell_of((p.box[0] + p.box[2]) / 2, (p.box[1] + p.box[3]) / 2) for p in item.track]
    enters, leaves = _visible_changes(item, evidence)
    if evidence.video.frames == 1:
        text = say.cell_phrase(cells[0])
    else:
        text = say.position_phrase(cells[0], cells[-1], enters=enters, leaves=leaves, passes=cells)
    return c.Position(
        text=text, start=cells[0], end=cells[-1], enters=item.enters, leaves=item.leaves
    )


def _sketch(item: InstanceFacts, evidence: Evidence) -> list[TrackPoint]:
    """At most 16 points of the track per shot."""
    points: list[TrackPoint] = []
    for shot in evidence.shots:
        inside = [p for p in item.track if shot.start <= p.t < max(shot.end, shot.start + 1e-3)]
        chosen = pick_evenly(len(inside), c.TRACK_POINTS_PER_SHOT)
        points += [inside[index] for index in chosen]
    return points or [item.track[i] for i in pick_evenly(len(item.track), c.TRACK_POINTS_PER_SHOT)]


def _global(evidence: Evidence, shown: Sequence[InstanceFacts], *, say: Language) -> str:
    """What happens; of a clip with several shots what it shows, as its segments tell the rest."""
    if len(evidence.shots) < 2:
        return _events(evidence, shown, say=say)
    phrases = []
    for index, item in enumerate(shown):
        # Who looks alike in another shot may be the same: only who is seen at once is another.
        at_once = [one for one in shown[:index] if _are_seen_at_once(one, item)]
        phrases.append(say.introduce([*at_once, item])[-1])
    return say.shots_sentence(len(evidence.shots), list(dict.fromkeys(phrases)))


def _are_seen_at_once(first: InstanceFacts, second: InstanceFacts) -> bool:
    """Whether two things are there at one time."""
    if not first.track or not second.track:
        return False
    return first.track[0].t <= second.track[-1].t and second.track[0].t <= first.track[-1].t


def _events(evidence: Evidence, shown: Sequence[InstanceFacts], *, say: Language) -> str:
    if not shown:
        return ""
    things = say.introduce(shown)
    if evidence.video.frames == 1:
        return say.picture_sentence(things)
    actions = []
    for index, item in enumerate(shown):
        action = _action(item, evidence, before=shown[:index], say=say)
        if not action and item.track:
            action = say.presence_phrase(item, _middle_cell(item))
        actions.append(action)
    return say.events_sentence(list(zip(things, actions, strict=True)))


def _action(
    item: InstanceFacts, evidence: Evidence, *, before: Sequence[InstanceFacts], say: Language
) -> str:
    if not item.track or evidence.video.frames == 1:
        return ""
    enters, leaves = _visible_changes(item, evidence)
    moves = [word for word in evidence.camera.motion if word not in ("static", "tracking")]
    return say.action_phrase(
        item,
        enters=enters,
        leaves=leaves,
        camera_rests=not moves,
        encounter=_encounter(item, evidence, before, say=say),
    )


def _encounter(
    item: InstanceFacts, evidence: Evidence, before: Sequence[InstanceFacts], *, say: Language
) -> str:
    """The first thing that happens between a thing and one of those ``before`` it."""
    for contact in evidence.contacts:
        pair = {contact.first, contact.second}
        other = next((one for one in before if pair == {item.id, one.id}), None)
        if other is not None:
            called = say.refer(other, [*before, item])
            phrase = say.encounter_phrase(contact.kind, item, other, called=called)
            if phrase:
                return phrase
    return ""


def _middle_cell(item: InstanceFacts) -> Cell:
    """Where a thing is half-way through its track."""
    box = item.track[len(item.track) // 2].box
    return cell_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _camera(evidence: Evidence, shown: Sequence[InstanceFacts], *, say: Language) -> c.Camera:
    facts, framing = evidence.camera, evidence.framing
    follows = ""
    if "tracking" in facts.motion and shown:
        follows = say.subject_phrase(shown[0])
    return c.Camera(
        motion=facts.motion,
        speed=facts.speed,
        stability=facts.stability,
        description=say.camera_sentence(facts, follows=follows),
        shot_type=framing.shot_type,
        shot_angle=framing.shot_angle,
        shot_position=framing.shot_position,
    )


def _shot(evidence: Evidence, index: int) -> c.Shot:
    shot = evidence.shots[index]
    types = evidence.framing.shots
    return c.Shot(
        start=shot.start,
        end=shot.end,
        transition=shot.transition,
        motion=_motion_of(evidence, shot),
        shot_type=types[index] if index < len(types) else "",
    )


def _motion_of(evidence: Evidence, shot: Shot) -> list[Primitive]:
    found: list[Primitive] = []
    for segment in evidence.camera.segments:
        if segment.start >= shot.start - 1e-3 and segment.end <= shot.end + 1e-3:
            found += [word for word in segment.motion if word not in found and word != "static"]
    return found or (["static"] if evidence.camera.path else [])


def _segments(
    evidence: Evidence, shown: Sequence[InstanceFacts], *, say: Language
) -> list[c.Segment]:
    """What happens in each shot of a clip that has several."""
    if len(evidence.shots) < 2:
        return []
    segments = []
    for shot in evidence.shots:
        inside = [
            i for i in evidence.instances if i.track and shot.start <= i.track[0].t < shot.end
        ]
        seen = inside[: len(shown)]
        text = _events(evidence, seen, say=say)
        if text:
            segments.append(c.Segment(start=shot.start, end=shot.end, description=text))
    return segments


def _provenance(caption: c.Caption, evidence: Evidence) -> dict[str, c.Provenance]:
    """Who measured each leaf of the caption, how surely, and on which frames it can be seen."""
    by_id = {item.id: item for item in evidence.instances}
    times = [step.t for step in evidence.camera.path] or [0.0]
    spread = [round(times[i], 3) for i in pick_evenly(len(times), 4)]
    entries = {}
    for pointer in caption.leaves():
        parts = pointer.split("/")[1:]
        frames = spread
        if parts[0] == "instances":
            item = by_id[int(parts[1])]
            frames = [item.track[i].t for i in pick_evenly(len(item.track), 4)]
            source, confidence = _instance_source(item, parts[2])
        elif parts[0] in ("shots", "segments"):
            index = int(parts[1])
            begin = getattr(caption, parts[0])[index].start
            end = getattr(caption, parts[0])[index].end
            frames = [round((begin + end) / 2, 3)]
            field = "global_description" if parts[0] == "segments" else parts[2]
            source, confidence = _clip_source(evidence, field)
        else:
            source, confidence = _clip_source(evidence, parts[-1])
        entries[pointer] = c.Provenance(
            source=source, confidence=round(confidence, 3), support="measured", frames=frames
        )
    return entries


def _instance_source(item: InstanceFacts, field: str) -> tuple[str, float]:
    if field in ("colors", "appearance"):
        return "colors", min(item.confidence, sum(share for _, share in item.colors) or 0.3)
    if field in ("position", "action"):
        return "tracker", item.confidence
    return item.source, item.confidence


def _clip_source(evidence: Evidence, field: str) -> tuple[str, float]:
    sure = max((item.confidence for item in evidence.instances), default=0.5)
    sources: dict[str, tuple[str, float]] = {
        "global_description": ("tracker", sure),
        "description": ("camera", evidence.camera.confidence),
        "background": ("colors", 0.7),
        "place": ("place", evidence.place.confidence),
        "lighting": ("light", 0.8),
        "time_of_day": ("light", evidence.light.confidence),
        "style": ("style", evidence.framing.confidence),
        "motion": ("camera", evidence.camera.confidence),
        "speed": ("camera", evidence.camera.confidence),
        "stability": ("camera", evidence.camera.confidence),
        "shot_type": ("framing", evidence.framing.confidence),
        "shot_angle": ("framing", evidence.framing.confidence),
        "shot_position": ("faces", evidence.framing.confidence),
        "transition": ("shots", 0.9),
        "text": ("text", 0.5),
    }
    return sources.get(field, ("measured", 0.5))
