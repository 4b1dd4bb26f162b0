"""The first question: list every instance that a person would name, then describe each, then the
clip. The order of its keys is the order of thought."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from instancecap.captioners.chain.agree import Agreed, Named, agree
from instancecap.captioners.chain.answers import Answer, Keys, answer_type, clean
from instancecap.captioners.chain.detail import numbered
from instancecap.captioners.chain.expression import faces_shown, faces_told, read_faces
from instancecap.captioners.chain.instances import agreed_evidence, follow_agreed
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.parts import (
    keys_of,
    listed,
    pointers_of,
    read_box,
    read_parts,
    read_texts,
    take_jumps,
)
from instancecap.captioners.chain.questions import (
    LOOK_TOKENS,
    Answered,
    Chain,
    Question,
    Scene,
    Values,
    Work,
    clip_pointers,
    clip_values,
)
from instancecap.captioners.chain.said import MOST_COUNTED, unique_names
from instancecap.captioners.chain.second_look import SECOND_LOOK, look_again
from instancecap.captioners.chain.seek import Sought, seek
from instancecap.captioners.chain.windows import GRADUAL, split_shots
from instancecap.evidence.reliability import judged_by, may_overrule
from instancecap.evidence.tracking.follow import Followed
from instancecap.language import en
from instancecap.mllm.base import Image, Media
from instancecap.schema.evidence import InstanceFacts
from instancecap.schema.pointer import instance_pointer
from instancecap.schema.tracks import cell_of

WHO = ("name", "class", "category", "count", "is_main", "looks", "pictures", "boxes")
"""Keys that say which thing is meant."""

HOW = ("appearance", "colors", "action", "with", "expression", "position", "direction",
       "toward_or_away", "enters", "leaves")  # fmt: skip
"""Keys that describe it."""

BESIDE = {"action": ("with", "direction", "toward_or_away"), "position": ("direction",)}
"""Keys that are asked along with others: facts that nobody has to read out of a sentence."""


def entry_keys(wanted: Sequence[str], *, known: bool) -> tuple[str, ...]:
    """Keys of an instance to ask for; ``known``: its name is given, and nobody has to find it."""
    beside = {other for key in wanted for other in BESIDE.get(key, ())}
    who = ("name",) if known else WHO
    asked = [key for key in (*WHO, *HOW) if key in who or key in wanted or key in beside]
    return tuple(asked)


def look_question(scene: Scene, *, describe: bool = True) -> Question:
    """One question on the untouched pictures of the clip. ``describe=False``: only who is there."""
    prepared = scene.prepared
    wanted = prepared.wanted
    keys = wanted.clip if describe else ()
    entries: tuple[str, ...] = ()
    if wanted.instance and (prepared.previous is None or scene.names):
        entries = entry_keys(wanted.instance if describe else (), known=bool(scene.names))
    shown: tuple[Media, ...] = ()
    faces = faces_shown(scene) if "expression" in entries else ()
    if faces:
        place = entries.index("expression")
        entries = (*entries[:place], "faces", *entries[place:])
    if not scene.convention:
        entries = tuple("number" if key == "boxes" else key for key in entries)
        keys = tuple(key for key in keys if key != "texts")
        shown = numbered(scene) if "number" in entries else ()
    parts = [pair for pair in enumerate(prepared.parts) if describe and not pair[1].images]
    asked: Keys = ("new_views",) if _may_jump(scene, describe) else ()
    asked += (("instances", entries),) if entries else ()
    looks_again = describe and prepared.previous is None
    asked += (*keys_of(parts), *keys, *((SECOND_LOOK,) if looks_again else ()))
    text = scene.compose(
        scene.times(prepared.images),
        scene.hint(),
        measured_hints(scene),
        scene.heard() if describe else "",
        _task(scene, entries, keys),
        scene.prompts.say("parts", "whole", parts=listed(parts)) if parts else "",
        scene.prompts.say("look", "candidates", count=len(shown)) if shown else "",
        faces_told(scene, faces, before=len(prepared.images) + len(shown)),
        scene.prompts.say("look", "second_look") if looks_again else "",
        scene.keys(asked),
    )
    return Question(
        about="the clip",
        images=(*prepared.images, *shown, *(face.image for face in faces)),
        text=text,
        answer=answer_type(asked),
        pointers=clip_pointers(keys) + pointers_of(parts),
        read=lambda value: _clip_values(scene, value, keys) | read_parts(value, parts),
        max_tokens=LOOK_TOKENS,
    )


def _may_jump(scene: Scene, describe: bool) -> bool:
    """Whether it is worth asking where another view begins."""
    prepared = scene.prepared
    frames = [one for one in prepared.images if isinstance(one, Image)]
    return describe and prepared.previous is None and prepared.wanted.segments and len(frames) > 1


def _task(scene: Scene, entries: Sequence[str], keys: Sequence[str]) -> str:
    parts = []
    if scene.names and entries:
        parts.append(scene.known_names())
        parts.append(scene.prompts.say("look", "known"))
    elif entries:
        parts.append(scene.prompts.say("look", "list", most=scene.options.max_instances))
    if "appearance" in entries or "action" in entries:
        parts.append(scene.prompts.say("look", "describe"))
    if scene.prepared.evidence.video.frames > 1:
        parts.append(scene.prompts.say("look", "shots"))
    if keys:
        parts.append(scene.prompts.say("look", "clip"))
    return scene.compose(*parts)


def measured_hints(scene: Scene) -> str:
    """What was measured of the clip as a whole and is right 95 times in 100; what to check."""
    if not scene.options.hints or scene.prepared.evidence.video.frames < 2:
        return ""
    camera, shots = scene.prepared.evidence.camera, scene.prepared.evidence.shots
    posed = [item for item in scene.prepared.evidence.instances if item.pose]
    lines = []
    if len(shots) > 1 and may_overrule("transition"):
        times = ", ".join(
            f"{shot.start:.1f}{' (blending over)' if shot.transition in GRADUAL else ''}"
            for shot in shots[1:]
        )
        lines.append(scene.prompts.say("measured", "cuts", times=times))
    others = (one.value for one in scene.prepared.evidence.opinions if not one.holds)
    said = {*camera.motion, *others} - {"static", "tracking", "shaky"}
    judge = judged_by("camera.static", scene.prepared.evidence)
    if camera.motion == ["static"] and may_overrule("camera.static", camera.confidence, **judge):
        lines.append(scene.prompts.say("measured", "static"))
    elif said:
        lines.append(scene.prompts.say("measured", "check"))
    if poses := "\n".join(map(_pose_line, posed)):
        lines.append(scene.prompts.say("measured", "poses", lines=poses))
    return "\n".join(lines)


def _pose_line(item: InstanceFacts) -> str:
    first = item.track[0]
    x0, y0, x1, y1 = first.box
    place = en.IN_CELLS[cell_of((x0 + x1) / 2, (y0 + y1) / 2)]
    spans = [
        f"{one.word.replace('_', ' ')} from {one.start:.1f} to {one.end:.1f} s" for one in item.pose
    ]
    return f"- the person {place} of the frame at {first.t:.1f} s: {', '.join(spans)}"


def _clip_values(scene: Scene, value: Answer, keys: Sequence[str]) -> Values:
    values = clip_values(value, keys)
    if "/texts" in values:
        values["/texts"] = read_texts(scene, values["/texts"], scene.prepared.images)
    return values


# The answer ------------------------------------------------------------------------------------


def read_named(scene: Scene, answered: Answered) -> list[Named]:
    """The instances that the model lists, under names that differ."""
    entries = getattr(answered.value, "instances", None) or []
    images = scene.prepared.images
    times = [image.t or 0.0 for image in images if isinstance(image, Image)]
    found = []
    for entry in entries:
        noun = _noun(clean(entry.class_, limit=40))
        name = clean(entry.name, limit=60).strip(" .…") or (f"the {noun}" if noun else "")
        if not name:
            name = "the thing"
        seen = {int(number) for number in entry.pictures if 1 <= number <= len(times)}
        given = getattr(entry, "boxes", ())
        boxes = {seed.t: seed for one in given if (seed := read_box(scene, one, images))}
        found.append(
            Named(
                name=name,
                class_=noun,
                category="" if entry.category == "unknown" else entry.category,
                count=min(max(entry.count, 1), MOST_COUNTED),
                is_main=entry.is_main,
                looks=clean(entry.looks, limit=120),
                boxes=tuple(boxes[t] for t in sorted(boxes)[:3]),
                seen=tuple(times[number - 1] for number in sorted(seen)),
                track=entry.number - 1 if getattr(entry, "number", 0) > 0 else None,
            )
        )
    return found


def _noun(text: str) -> str:
    words = text.strip(" .…").lower().split()
    return " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words)


def look(scene: Scene, *, describe: bool = True) -> Chain:
    """Ask, agree, follow: afterwards the scene has its instances and what was said of them."""
    if not scene.prepared.images:
        return
    (answered,) = yield [look_question(scene, describe=describe)]
    if answered.value is not None:
        value, scene.left_alone = look_again(answered.value)
        answered = replace(answered, value=value)
    scene.take(answered)
    take_jumps(scene, getattr(answered.value, "new_views", ()))
    if not scene.prepared.wanted.instance:
        return
    if scene.prepared.previous is not None:
        _take_known(scene, answered)
        return
    scene.listed = answered.value is not None and "instances" in answered.value.model_fields_set
    if not scene.listed:
        return
    agreed = yield from agree_on(scene, read_named(scene, answered))
    yield from settle(scene, agreed)
    if describe:
        entries = getattr(answered.value, "instances", None) or []
        for one in agreed:
            if one.entry is not None:
                take_entry(scene, one.id, entries[one.entry], answered)


def agree_on(scene: Scene, named: Sequence[Named]) -> Generator[Work, Any, list[Agreed]]:
    """Who is who; what nobody found is looked for by its name where a detector can be asked."""
    prepared, most = scene.prepared, scene.options.max_instances
    agreed = agree(named, prepared.evidence.instances, most=most)
    lost = [one for one in agreed if not one.pieces]
    if not lost or not prepared.cluster.detector or prepared.cluster.phrases:
        return agreed
    found: Sought = yield Work(
        lambda: seek(lost, prepared.film, prepared.evidence, prepared.cluster)
    )
    if not found.facts and not found.tracks:
        return agreed
    known = [
        replace(one, track=found.tracks[entry]) if entry in found.tracks else one
        for entry, one in enumerate(named)
    ]
    return agree(known, [*prepared.evidence.instances, *found.facts], most=most)


def settle(scene: Scene, agreed: Sequence[Agreed]) -> Chain:
    """Follow what no track shows, and make the agreed things the scene's instances."""
    followed: dict[int, Followed] = {}
    if any(one.seeds for one in agreed):
        film, evidence = scene.prepared.film, scene.prepared.evidence
        cluster = scene.prepared.cluster
        shots = split_shots(evidence.shots, scene.jumps)
        evidence = evidence.model_copy(update={"shots": shots})
        followed = yield Work(lambda: follow_agreed(agreed, film, evidence, cluster))
    scene.evidence = agreed_evidence(scene.prepared.evidence, agreed, followed)
    names = unique_names([one.named.name for one in agreed])
    scene.names = {one.id: name for one, name in zip(agreed, names, strict=True)}
    scene.agreed = {one.id: one for one in agreed}


def take_entry(scene: Scene, id: int, entry: Answer, answered: Answered) -> None:
    """Keep what the model says of one instance."""
    told = {
        f"/instances/{id}/{leaf}": getattr(entry, key)
        for key, leaf in INSTANCE_LEAVES.items()
        if key in entry.model_fields_set
    }
    told[f"/instances/{id}/name"] = scene.names[id]
    times = [seed.t for seed in scene.agreed[id].named.boxes] if id in scene.agreed else []
    scene.take(answered, told, about=scene.names[id], times=times)
    if looks := getattr(entry, "faces", ()):
        views = faces_shown(scene)
        before = len(answered.question.images) - len(views)
        scene.take_expression(answered, id, read_faces(scene, id, looks, views, before=before))


def _take_known(scene: Scene, answered: Answered) -> None:
    """Entries by the names that were given."""
    ids = {name.casefold(): id for id, name in scene.names.items()}
    for entry in getattr(answered.value, "instances", None) or []:
        id = ids.pop(clean(entry.name).casefold(), None)
        if id is not None:
            take_entry(scene, id, entry, answered)
    for id in ids.values():
        leaves = (INSTANCE_LEAVES[key] for key in scene.prepared.wanted.instance)
        pointers = tuple(instance_pointer(id, leaf) for leaf in leaves)
        scene.missing.append((scene.names[id], answered.problem or "not said", pointers))
