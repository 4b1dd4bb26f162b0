"""Answers into a caption: every sentence says who wrote it, names agree, and all is valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from instancecap.captioners.chain.answers import clean
from instancecap.captioners.chain.options import key_of
from instancecap.captioners.chain.pictures import measured_caption
from instancecap.captioners.chain.questions import Scene
from instancecap.captioners.chain.said import Said, mentioned
from instancecap.captioners.chain.windows import split_shots
from instancecap.captioners.measured.describe import MAX_INSTANCES
from instancecap.evidence.reliability import judged_by, may_overrule
from instancecap.language.sentences import split_sentences
from instancecap.mllm.base import Image
from instancecap.schema.caption import (
    Camera,
    Caption,
    Instance,
    Producer,
    Provenance,
    Segment,
    Shot,
)
from instancecap.schema.evidence import Evidence
from instancecap.schema.pointer import assign, instance_of, resolve
from instancecap.schema.vocabulary import Primitive, Stability
from instancecap.verify.extract import is_fully_read
from instancecap.verify.fields import claims_of
from instancecap.verify.naming import noun_of
from instancecap.version import __version__
from instancecap.video.sampling import pick_evenly

AT_ODDS = "at odds: "
"""How a warning begins that a caption says one thing in words and another in a field."""

UNCLEAR = "unclear: "
"""How a warning begins that a phrase may stand for several instances."""

CONFIDENCE = 0.5
"""Of what a model says and nobody has checked: as likely right as not. SkyCaptioner-V1's authors
found 59 % of appearances and 69 % of actions right; checking moves it."""

FRAMES_NAMED = 4
"""Times that provenance lists, at most, as for measured fields."""

SENTENCES = (
    *("/global_description", "/background", "/lighting", "/description"),
    *("/appearance", "/action", "/expression", "/position/text"),
)
"""Ends of the pointers of texts in which instances are named."""

UNTOLD = ("/is_main", "/count", "/enters", "/leaves", "/expression_spans")
"""Ends of the pointers of values that have no provenance of their own."""

OPPOSITE: dict[Primitive, Primitive] = {
    "pan_left": "pan_right", "tilt_up": "tilt_down", "zoom_in": "zoom_out", "roll_cw": "roll_ccw",
    "move_left": "move_right", "move_up": "move_down", "move_in": "move_out", "arc_cw": "arc_ccw",
}  # fmt: skip
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}


def merge(scene: Scene) -> Caption:
    """The caption with all that was said in it."""
    caption = _base(scene)
    before = caption.camera.model_copy(deep=True)
    things = {one.id: one for one in caption.instances}
    written = {
        pointer: said
        for pointer, said in scene.said.items()
        if not pointer.startswith("/segments/") and _exists(pointer, things)
    }
    for pointer, said in written.items():
        if pointer.endswith("/expression") and f"{pointer}_spans" not in written:
            assign(caption, f"{pointer}_spans", [])  # those of an earlier caption
        if not pointer.endswith("/is_main"):
            assign(caption, pointer, said.value)
    _open_unknown(caption, scene)
    _choose_main(things, written)
    if "/camera/motion" in written:
        _settle_motion(caption, scene.evidence)
    segments = _write_segments(caption, scene)
    _forget(caption, [*written, *segments])
    for pointer, said in (written | segments).items():
        if not pointer.endswith(UNTOLD):
            leaf = "/texts/0/text" if pointer == "/texts" else pointer
            caption.provenance[leaf] = _provenance(said)
    settle_camera(caption, before)
    _split_shots(caption, scene)
    settle_shot(caption)
    _note_found(caption, scene)
    warnings = [*_missing(caption, scene), *_unclear(caption, scene), *_instead_of_video(scene)]
    if scene.left_alone:
        warnings.append(f"the clip: {scene.left_alone} of the model's corrections left alone")
    caption.warnings = [one for one in caption.warnings if not one.startswith(UNCLEAR)]
    caption.warnings += [one for one in warnings if one not in caption.warnings]
    caption.producer = _producer(caption.producer, scene)
    return caption


def _base(scene: Scene) -> Caption:
    """What answers are written into: the earlier caption, or what is measured of the instances."""
    prepared = scene.prepared
    if prepared.previous is not None:
        return prepared.previous.model_copy(deep=True)
    evidence = scene.evidence
    if not scene.agreed:
        most = min(scene.options.max_instances, MAX_INSTANCES) if not scene.listed else 0
        evidence = evidence.model_copy(update={"instances": evidence.instances[:most]})
    caption = measured_caption(evidence, scene.options)
    for one in caption.instances:
        if one.id not in scene.agreed:
            continue
        named = scene.agreed[one.id].named
        one.name, one.count = scene.names[one.id], named.count
        one.is_main = named.is_main
        # A small detector takes donkeys for horses: the model's word counts, by its general name.
        one.class_ = noun_of(named.class_).class_ or one.class_
        one.subcategory = named.class_ or one.subcategory
        if scene.agreed[one.id].found_by == "model":
            one.colors = []
    leaves = caption.leaves()
    caption.provenance = {key: told for key, told in caption.provenance.items() if key in leaves}
    return caption


def _exists(pointer: str, things: Mapping[int, Instance]) -> bool:
    id = instance_of(pointer)
    return id is None or id in things


def _open_unknown(caption: Caption, scene: Scene) -> None:
    """Where the model says that no word holds, a measured one stays only if nearly always right."""
    if scene.prepared.previous is not None:
        return
    for pointer in scene.unknown - scene.said.keys():
        told = caption.provenance.get(pointer)
        if told and not may_overrule(key_of(pointer), told.confidence):
            assign(caption, pointer, "")
            del caption.provenance[pointer]


def _choose_main(things: Mapping[int, Instance], written: Mapping[str, Said]) -> None:
    """What the model calls main is main; where it calls nothing so, what was measured stays."""
    flags = {
        instance_of(pointer): said.value
        for pointer, said in written.items()
        if pointer.endswith("/is_main")
    }
    if any(flags.values()):
        for one in things.values():
            one.is_main = flags.get(one.id, one.is_main)


def _settle_motion(caption: Caption, evidence: Evidence) -> None:
    """The model's camera words, the way of each as measured where that is nearly always right."""
    said, camera = list(caption.camera.motion), evidence.camera
    judge = judged_by("camera.direction", evidence)
    if may_overrule("camera.direction", camera.confidence, **judge):
        said = [OPPOSITE[word] if OPPOSITE.get(word) in camera.motion else word for word in said]
    if said != ["static"]:
        said += [word for word in camera.motion if word in ("tracking", "shaky")]
    caption.camera.motion = list(dict.fromkeys(said))


def settle_camera(caption: Caption, before: Camera) -> None:
    """Drop what was measured of other movements of the camera than the caption now has."""
    now, then = set(caption.camera.motion), set(before.motion)
    stale = {
        "description": now != then,
        "speed": not now & then,
        "stability": "shaky" in now and before.stability == "stable",
    }
    for leaf in (leaf for leaf, is_stale in stale.items() if is_stale):
        told = caption.provenance.get(f"/camera/{leaf}")
        if told and told.support == "measured":
            setattr(caption.camera, leaf, "")
            _forget(caption, [f"/camera/{leaf}"])


def note_at_odds(caption: Caption) -> None:
    """A warning for each text that says otherwise than ``camera.motion``: both are kept.

    Only texts are compared of which every word was read: half a sentence may say the contrary.
    """
    caption.warnings = [line for line in caption.warnings if not line.startswith(AT_ODDS)]
    claims = [one for one in claims_of(caption) if one.kind == "camera" and not one.negated]
    motion = set(caption.camera.motion) - {"shaky"}
    for pointer in ("/global_description", "/camera/description"):
        text, words = resolve(caption, pointer), ", ".join(caption.camera.motion)
        said = {one.value for one in claims if one.pointer == pointer} - {*get_args(Stability)}
        turned = {word for word, other in OPPOSITE.items() if other in motion - said} - motion
        rests = (said == {"static"}) != (motion == {"static"})
        is_read = all(is_fully_read(one.text) for one in split_sentences(text))
        if said and motion and is_read and (rests or said & turned):
            caption.warnings.append(f"{AT_ODDS}{pointer}: {text!r}; /camera/motion: {words}")


def _split_shots(caption: Caption, scene: Scene) -> None:
    """A cut more where the model sees another view begin."""
    if not scene.jumps:
        return
    known = [key for key in caption.provenance if key.startswith("/shots/")]
    told = {key: caption.provenance.pop(key) for key in known}
    seen = Provenance(source=scene.model, confidence=CONFIDENCE, support="unchecked", frames=[])
    shots: list[Shot] = []
    for index, shot in enumerate(caption.shots):
        for piece in split_shots([shot], scene.jumps):
            here = f"/shots/{len(shots)}/"
            for key, entry in told.items():
                if key.startswith(f"/shots/{index}/"):
                    caption.provenance[here + key.split("/", 3)[3]] = entry
            if piece.start in scene.jumps:
                caption.provenance[f"{here}transition"] = seen
            shots.append(piece)
    caption.shots = shots


def settle_shot(caption: Caption) -> None:
    """A clip of one shot is that shot."""
    if len(caption.shots) == 1:
        caption.shots[0].motion = list(caption.camera.motion)
        caption.shots[0].shot_type = caption.camera.shot_type
        for leaf in ("motion", "shot_type"):
            caption.provenance.pop(f"/shots/0/{leaf}", None)
            if said := caption.provenance.get(f"/camera/{leaf}"):
                caption.provenance[f"/shots/0/{leaf}"] = said


def _write_segments(caption: Caption, scene: Scene) -> dict[str, Said]:
    """Put what happens in each window into the caption; by the leaves that it has there."""
    found = {}
    segments: list[Segment] = []
    for index, part in enumerate(scene.prepared.parts):
        said = scene.said.get(f"/segments/{index}")
        if said is None:
            continue
        text, who = said.value
        acting, _ = mentioned(" | ".join([text, *who]), scene.names)
        window = part.window
        found[f"/segments/{len(segments)}/description"] = said
        segments.append(
            Segment(start=window.start, end=window.end, description=text, instances=acting)
        )
    if segments:
        known = [*caption.provenance, *(claim.field for claim in caption.claims)]
        _forget(caption, [one for one in known if one.startswith("/segments/")])
        caption.segments = segments
    else:
        for one in caption.segments:
            one.instances = [id for id in one.instances if id in scene.names or not scene.agreed]
    return found


def _forget(caption: Caption, pointers: Iterable[str]) -> None:
    """Drop what was known of leaves that are written anew."""
    gone = set(pointers)
    for pointer in gone:
        caption.provenance.pop(pointer, None)
    caption.claims = [claim for claim in caption.claims if claim.field not in gone]


def _provenance(said: Said) -> Provenance:
    times = sorted(said.times)
    frames = [times[index] for index in pick_evenly(len(times), FRAMES_NAMED)]
    return Provenance(source=said.model, confidence=CONFIDENCE, support="unchecked", frames=frames)


def _note_found(caption: Caption, scene: Scene) -> None:
    """Who found each instance: the detector, the model, or both; and who named it."""
    for one in caption.instances:
        agreed = scene.agreed.get(one.id)
        if agreed is None:
            continue
        item = scene.item(one.id)
        sure = item.confidence if item is not None and item.track else CONFIDENCE
        seen = [point.t for point in one.track] or [seed.t for seed in agreed.named.boxes]
        frames = [seen[index] for index in pick_evenly(len(seen), FRAMES_NAMED)]
        entry = Provenance(
            source=agreed.found_by, confidence=sure, support="unchecked", frames=frames
        )
        caption.provenance[f"/instances/{one.id}"] = entry
        by_model = entry.model_copy(update={"source": scene.model, "confidence": CONFIDENCE})
        for leaf in ("name", "class", "subcategory"):
            if leaf != "class" or agreed.named.class_:
                caption.provenance[f"/instances/{one.id}/{leaf}"] = by_model


# Warnings ----------------------------------------------------------------------------------------


def _missing(caption: Caption, scene: Scene) -> list[str]:
    """A line for every question without an answer: which fields stay as they were, which empty."""
    leaves = caption.leaves()
    lines = []
    for about, problem, pointers in scene.missing:
        said, allows = scene.said, scene.prepared.wanted.allows
        open_ = [one for one in pointers if one not in said and allows(one)]
        kept = dict.fromkeys(_name(one) for one in open_ if one in leaves)
        empty = dict.fromkeys(
            _name(one) for one in open_ if one not in leaves and not one.endswith("/is_main")
        )
        before = "as it was" if scene.prepared.previous is not None else "as measured"
        parts = [f"{', '.join(kept)} kept {before}"] if kept else []
        parts += [f"{', '.join(empty)} left empty"] if empty else []
        if parts:
            reason = clean(problem, limit=200) or "no usable answer"
            lines.append(f"{about}: {reason}; {'; '.join(parts)}")
    return lines


def _name(pointer: str) -> str:
    if pointer.startswith("/segments/"):
        return "segments"
    parts = pointer.split("/")[1:]
    return ".".join(parts[2:] if parts[0] == "instances" else parts)


def _unclear(caption: Caption, scene: Scene) -> list[str]:
    """A line for every reference that may stand for several instances."""
    if not scene.names:
        return []
    lines = []
    for pointer, text in caption.leaves().items():
        if pointer.endswith(SENTENCES):
            for phrase in mentioned(text, scene.names, own=instance_of(pointer))[1]:
                lines.append(f"{UNCLEAR}{pointer}: {phrase!r} may be any of several instances")
    return lines


def _instead_of_video(scene: Scene) -> list[str]:
    """A line where frames were shown though the clip was to be sent by its URL."""
    prepared = scene.prepared
    shown = {type(one) for one in prepared.images}
    still = prepared.evidence.video.frames == 1
    if scene.options.input == "images" or Image not in shown or still:
        return []
    return ["the clip: frames were shown; only a whole file, local or on the web, goes by URL"]


def _producer(producer: Producer, scene: Scene) -> Producer:
    options = scene.options
    mode = f"single:{options.single_format}" if options.mode == "single" else options.mode
    return Producer(
        version=__version__,
        captioner="mllm",
        mode=mode,
        models={**producer.models, "mllm": scene.model},
        prompts=scene.prompts.version,
        seed=options.seed,
    )
