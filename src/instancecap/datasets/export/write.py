"""From captions to a whole dataset: rendered, laid out, and put in its place at the end."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter as Counts
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row
from instancecap.datasets.export import media
from instancecap.datasets.export.base import (
    MARK,
    PROMPT_OPTIONS,
    RECORD_FOLDER,
    Account,
    NameAllocator,
    Options,
    Tell,
    Trainer,
    complete,
    one_line,
    plan_of,
    silent,
    values_of,
)
from instancecap.datasets.export.layouts import READ_AS_MISSING, Add, Shards, dump
from instancecap.datasets.export.rules import (
    TO_RULE,
    ClipCounts,
    MediaInfo,
    Plan,
    Sample,
    out_of_rule,
)
from instancecap.errors import InputError, OutputError, UsageError
from instancecap.formats import to_format
from instancecap.io.addresses import basename_of, suffix_of
from instancecap.io.atomic import replace as replace_whole
from instancecap.io.atomic import require_writable
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES, reason_of
from instancecap.io.local_copy import local_copy
from instancecap.language import en
from instancecap.render import render_with
from instancecap.render.grammar import content
from instancecap.render.options import NAMES_NOTHING
from instancecap.render.subjects import kind_of
from instancecap.render.targets import Counter, counter_for
from instancecap.schema.caption import Caption
from instancecap.video import Clip, VideoInfo, probe

RECORD = "export.json"
"""Which trainer and options a dataset was written for; by it an export is known as ours."""

CLIPS = "clips.jsonl"
"""A line a clip: its name, files, how they were made, what the prompt left out."""


@dataclass(slots=True)
class Report(Account):
    """What an export came to.

    Attributes:
        done: clips in the dataset.
        made: how many clips were linked, copied, cut, encoded, or saved as stills.
        outputs: the dataset's folder, if it was written.
    """

    done: int = 0
    made: Counts[str] = field(default_factory=Counts)
    outputs: list[str] = field(default_factory=list)


def export(
    rows: Iterable[Row],
    trainer: Trainer,
    out: str,
    *,
    options: Options,
    on_failure: Tell = silent,
    on_warning: Tell = silent,
) -> Report:
    """Write a dataset for a trainer. OUT appears when it is whole, or not at all.

    Raises:
        UsageError: OUT is in use for something else, or an option does not fit the trainer.
        OutputError: the dataset cannot be written.
    """
    options = complete(options, trainer)
    target = options.render.target if options.render else None
    plan = plan_of(trainer, options)
    final = Path(os.path.abspath(out))
    check_free(final, overwrite=options.overwrite)
    part = final.with_name(f".{final.name}.part")
    report = Report(trainer.name, target.name if target else "", on_failure, on_warning)
    if target and not options.target_named and trainer.models[1:]:
        others = ", ".join(trainer.models[1:])
        report.warn("", f"no --target is given: made for {target.name}; others are {others}")
    if trainer.warns and (warning := trainer.warns(final)):
        report.warn("", warning)
    try:
        shutil.rmtree(part, ignore_errors=True)
        (part / RECORD_FOLDER).mkdir(parents=True)
        (part / trainer.layout.media).mkdir(parents=True, exist_ok=True)
        counter = counter_for(target) if target else None
        _Run(trainer, plan, options, part, final, report, counter).write_all(rows)
        if report.done:
            replace_whole(part, final)
            report.outputs.append(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


def check_free(final: Path, *, overwrite: bool) -> None:
    """Raise :class:`UsageError` unless a dataset may be put at ``final``."""
    if final.is_symlink() or (final.exists() and not final.is_dir()):
        raise UsageError(f"--out {final}: there is a file or link of that name")
    if final.is_dir() and os.listdir(final):
        ours = (final / RECORD_FOLDER / RECORD).is_file()
        if not ours:
            raise UsageError(f"--out {final}: this folder is not empty; choose another")
        if not overwrite:
            raise UsageError(f"--out {final}: holds an earlier export; --overwrite replaces it")
    require_writable(final.parent)


@dataclass(slots=True)
class _Run:
    """One export under way."""

    trainer: Trainer
    plan: Plan
    options: Options
    part: Path
    final: Path
    report: Report
    counter: Counter | None
    names: NameAllocator = field(default_factory=NameAllocator)
    counts: ClipCounts = field(default_factory=ClipCounts)
    written: list[tuple[str, MediaInfo]] = field(default_factory=list)

    def write_all(self, rows: Iterable[Row]) -> None:
        """Every row, then the files that speak of all of them."""
        clips = self.part / RECORD_FOLDER / CLIPS
        writing = self.trainer.layout.writing(self.part, self.final, self.plan)
        with writing as add, open(clips, "w", encoding="utf-8") as notes:
            for row in rows:
                try:
                    notes.write(dump(self._write(row, add)) + "\n")
                except InputError as error:
                    self.report.fail(row.source, reason_of(error, row.source))
        if not self.report.done:
            return
        if self.trainer.extras:
            for name, text in self.trainer.extras(self.final, self.plan, self.counts).items():
                (self.part / name).write_text(text, encoding="utf-8")
        self._warn_of_drops()
        with suppress(OSError):  # a layout may have emptied its folder
            (self.part / self.trainer.layout.media).rmdir()
        record = json.dumps(self._record(), indent=2) + "\n"
        (self.part / RECORD_FOLDER / RECORD).write_text(record, encoding="utf-8")

    def _write(self, row: Row, add: Add) -> dict[str, Any]:
        """One row; a file of its clip is left behind only where it succeeds."""
        if row.caption is None:
            raise InputError(row.error)
        clip = media.find_clip(row.caption, video_root=self.options.video_root)
        if Path(os.path.realpath(clip.path)).is_relative_to(os.path.realpath(self.final)):
            raise InputError(f"{clip.path}: lies in --out itself, which is going to be replaced")
        text, notes = self._text(row.caption, row.name)
        suffix = Path(basename_of(clip.path)).suffix
        if self.trainer.layout.numbered:
            stem = f"{self.report.done:08d}"
        else:
            stem = self.names.give(row.name, suffix=suffix)
        try:
            with local_copy(clip) as here:
                paths, how, info = self._media(here, stem, row.name)
        except (InputError, OSError):
            self._remove(stem)
            raise
        sample = Sample(
            row.name, stem, tuple(paths), text, info, row.caption, self.options.question
        )
        for fault in () if self.trainer.stills else out_of_rule(info, self.plan):
            remedy = "" if self.options.transcode else f"; {TO_RULE}"
            self.report.warn(row.name, f"{fault}{remedy}")
        add(sample)
        self.report.done += 1
        self.report.made[how] += 1
        self.counts.clips[info] += 1
        self.written.append((row.name, info))
        return {
            "name": row.name,
            "media": paths,
            "made": how,
            "source": {"path": clip.path, "start": clip.start, "end": clip.end},
            "frames": info.frames,
            "fps": info.fps,
            "width": info.width,
            "height": info.height,
            **notes,
        }

    def _text(self, caption: Caption, name: str) -> tuple[str, dict[str, Any]]:
        """What the trainer is to learn, on one line, and what is noted about it."""
        options = self.options.render
        if options is None:
            answer = to_format(caption, "instancevid")
            assert isinstance(answer, dict)
            answer.pop("Video", None)  # a path is nothing that a model can see
            require_answer(caption, answer)
            text = json.dumps(answer, ensure_ascii=False)
            if MARK.search(text):
                text = text.replace("<", "\\u003c")
            return one_line(text), {}
        prompt = render_with(caption, options, counter=self.counter)
        for warning in prompt.warnings:
            self.report.warn(name, warning)
        text = one_line(prompt.text)
        if not text:
            raise InputError("the caption is empty")
        if text in READ_AS_MISSING:
            raise InputError(f"the caption {text!r} is read as a missing value by trainers")
        if NAMES_NOTHING not in prompt.warnings and names_nothing(caption, text):
            self.report.warn(name, NAMES_NOTHING)
        notes = {name: getattr(prompt, name) for name in ("tokens", "counter", "limit")}
        return text, {**notes, "dropped": prompt.dropped, "omitted": prompt.omitted}

    def _media(self, clip: Clip, stem: str, name: str) -> tuple[list[str], str, MediaInfo]:
        """The clip's files in the dataset, how they were made, and what they are."""
        folder = self.trainer.layout.media
        if self.trainer.stills:
            count = self.options.frames or self.trainer.stills
            names = media.save_frames(clip, self.part / folder, stem, count=count)
            paths = [f"{folder}/{one}" for one in names]
            return paths, "stills", media.inspect(self.part / paths[0])
        info = probe(clip)
        suffix = suffix_of(clip.path)
        known = self.trainer.suffixes or VIDEO_SUFFIXES
        readable = suffix in known or (info.fps == 0 and suffix in IMAGE_SUFFIXES)
        if readable and media.is_whole(clip, info) and not self.options.transcode:
            path = f"{folder}/{stem}{suffix}".lstrip("/")
            link: media.Link = "copy" if clip.local else self.options.link
            media.place(clip.local or clip.path, self.part / path, link=link)
            how = "packed" if isinstance(self.trainer.layout, Shards) else _LINKED[link]
            return [path], how, media.inspect(self.part / path)
        path = f"{folder}/{stem}.mp4".lstrip("/")
        target = self.part / path
        if self.options.transcode:
            return [path], "encoded", self._encode(clip, target, info, name)
        if media.cut(clip, target):
            return [path], "cut", media.inspect(target)
        whole = media.is_whole(clip, info)
        why = f"the trainer does not read {suffix} files" if whole else "no cut without loss here"
        self.report.warn(name, f"encoded anew: {why}")
        return [path], "encoded", media.encode(clip, target, Plan())

    def _encode(self, clip: Clip, target: Path, info: VideoInfo, name: str) -> MediaInfo:
        plan = self.plan
        if info.fps and plan.fps > 1.01 * info.fps:
            repeated = f"some are repeated for {plan.fps:g}"
            self.report.warn(name, f"{info.fps:g} frames a second; {repeated}")
        return media.encode(clip, target, plan, fit=self.options.fit)

    def _warn_of_drops(self) -> None:
        """Name the clips that the trainer will pass over."""
        if self.trainer.stills:
            return
        load = self.trainer.loader(self.part, self.plan)
        for name, info in self.written:
            if (loaded := load(info)).reason:
                self.report.warn(name, loaded.drop)

    def _remove(self, stem: str) -> None:
        for path in (self.part / self.trainer.layout.media).glob(f"{stem}[.-]*"):
            if path.name.startswith((f"{stem}.", f"{stem}-0")):
                path.unlink(missing_ok=True)

    def _record(self) -> dict[str, Any]:
        from instancecap.version import __version__

        return {
            "version": __version__,
            "trainer": self.trainer.name,
            "target": self.report.target,
            "clips": self.report.done,
            **values_of(self.options, ("transcode", "question", "frames", "fps", "size", "fit")),
            **values_of(self.options.render, PROMPT_OPTIONS),
        }


_LINKED = {"symlink": "linked", "hardlink": "linked", "copy": "copied"}


# Whether a caption says anything that a model could learn from ------------------------------------


FEWEST_WORDS = 8
"""Of a caption that a captioner may learn from: one short sentence about one instance."""

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_FILMING = " ".join(
    word
    for table in (en.CAMERA_VERBS, en.CAMERA_NAMES, en.STABILITIES, en.SPEEDS, en.SHOT_TYPES)
    for word in table.values()
)


def require_answer(caption: Caption, answer: dict[str, Any]) -> None:
    """Raise :class:`InputError` for an answer that would teach a captioner to say nothing."""
    if (words := _count_words(answer)) < FEWEST_WORDS:
        least = f"an answer to learn from has {FEWEST_WORDS} or more"
        raise InputError(f"the caption says almost nothing: {words} words, and {least}")
    if not (caption.instances or caption.segments or _told(caption)):
        raise InputError("the caption says nothing of what is seen: no instance, and no event")


def _told(caption: Caption) -> str:
    """What someone said of the clip: what is measured says no more than the instances do."""
    pointers = {
        "/global_description": caption.global_description,
        "/background": caption.background,
    }
    return " ".join(
        text
        for pointer, text in pointers.items()
        if (entry := caption.provenance.get(pointer)) is None or entry.support != "measured"
    ).strip()


def names_nothing(caption: Caption, prompt: str) -> bool:
    """Whether a prompt holds no subject and no event: none of the words that tell of them.

    Words about the camera tell of neither; nor do those of a text that is measured as a whole.
    """
    names, acts = [], [one.description for one in caption.segments]
    for one in caption.instances:
        kind = kind_of(one)
        names += [one.name, one.class_, one.subcategory, kind, en.plural(kind)]
        acts += [one.appearance, one.action]
    said = content(" ".join((*acts, _told(caption))))
    told = content(" ".join(names)) | (said - content(f"{_FILMING} {caption.camera.description}"))
    return told.isdisjoint(content(prompt))


def _count_words(answer: Any) -> int:
    """Words of all texts in a structured caption; a Chinese character counts as one."""
    if isinstance(answer, dict | list):
        parts = answer.values() if isinstance(answer, dict) else answer
        return sum(map(_count_words, parts))
    return len(_WORD.findall(answer)) if isinstance(answer, str) else 0
