"""From captions to a whole dataset: rendered, laid out, and put in its place at the end."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter as Counts
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row
from instancecap.datasets.edits import file_of
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
from instancecap.datasets.export.content import names_nothing, require_answer, told_after
from instancecap.datasets.export.layouts import READ_AS_MISSING, Add, Shards, dump
from instancecap.datasets.export.rules import (
    TO_RULE,
    ClipCounts,
    MediaInfo,
    Plan,
    Sample,
    cut_short,
    out_of_rule,
)
from instancecap.datasets.repeats import RepeatAlarm
from instancecap.datasets.scenes import captions_of_scenes, scene_finder
from instancecap.datasets.traits import leave_out
from instancecap.errors import InputError, OutputError
from instancecap.formats import answer_text
from instancecap.io.addresses import basename_of, suffix_of
from instancecap.io.atomic import replace as replace_whole
from instancecap.io.atomic import require_free
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES, reason_of
from instancecap.io.local_copy import local_copy
from instancecap.render import Prompt, render_with
from instancecap.render.dropout import dice_of
from instancecap.render.options import NAMES_NOTHING
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
    if options.scene:
        rows = captions_of_scenes(rows, scene_finder(options.scene))
    target = options.render.target if options.render else None
    plan = plan_of(trainer, options)
    final = Path(os.path.abspath(out))
    mark = f"{RECORD_FOLDER}/{RECORD}"
    require_free(final, mark=mark, what="export", overwrite=options.overwrite)
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
        with closing(RepeatAlarm()) as alarm:
            run = _Run(trainer, plan, options, part, final, report, counter, alarm)
            run.write_all(rows)
        if report.done:
            replace_whole(part, final)
            report.outputs.append(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


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
    alarm: RepeatAlarm
    names: NameAllocator = field(default_factory=NameAllocator)
    counts: ClipCounts = field(default_factory=ClipCounts)
    written: list[tuple[str, MediaInfo, float, str]] = field(default_factory=list)

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
        self._warn_of_losses()
        if not self.options.scene and (warning := self.alarm.warning()):
            self.report.warn("", warning)
        with suppress(OSError):  # a layout may have emptied its folder
            (self.part / self.trainer.layout.media).rmdir()
        record = json.dumps(self._record(), indent=2) + "\n"
        (self.part / RECORD_FOLDER / RECORD).write_text(record, encoding="utf-8")

    def _write(self, row: Row, add: Add) -> dict[str, Any]:
        """One row; a file of its clip is left behind only where it succeeds."""
        if row.caption is None:
            raise InputError(row.error)
        file, root = file_of(row.source), self.options.video_root
        clip = media.find_clip(row.caption, caption_file=file, video_root=root)
        if Path(os.path.realpath(clip.path)).is_relative_to(os.path.realpath(self.final)):
            raise InputError(f"{clip.path}: lies in --out itself, which is going to be replaced")
        caption = leave_out(row.caption, self.options.leave_out)
        texts, notes = self._texts(caption, row.name)
        suffix = Path(basename_of(clip.path)).suffix
        if self.trainer.layout.numbered:
            stem = f"{self.report.done:08d}"
        else:
            stem = self.names.give(row.name, suffix=suffix)
        try:
            with local_copy(clip) as here:
                paths, how, info = self._media(here, stem, row.name)
                whole = _seconds_of(here)
        except (InputError, OSError):
            self._remove(stem)
            raise
        sample = Sample(row.name, stem, tuple(paths), texts, info, caption, self.options.question)
        for fault in () if self.trainer.stills else out_of_rule(info, self.plan):
            remedy = "" if self.options.transcode else f"; {TO_RULE}"
            self.report.warn(row.name, f"{fault}{remedy}")
        self.alarm.add(row.name, next(filter(None, texts), ""))
        for one in self._samples(sample, how, clip):
            add(one)
        self.report.done += 1
        self.report.made[how] += 1
        self.counts.clips[info] += 1
        later = told_after(row.caption, info.seconds) if info.seconds < whole else ""
        self.written.append((row.name, info, whole, later))
        return {
            "name": row.name,
            "media": paths,
            "made": how,
            "source": {"path": clip.path, "start": clip.start, "end": clip.end},
            "frames": info.frames,
            "fps": info.fps,
            "width": info.width,
            "height": info.height,
            "captioned": whole,
            **notes,
        }

    def _samples(self, sample: Sample, how: str, clip: Clip) -> Iterator[Sample]:
        """The sample in the form in which the trainer takes several captions of a clip."""
        if self.trainer.several not in ("rows", "files"):
            yield sample
            return
        for number, text in enumerate(sample.texts):
            one = replace(sample, texts=(text,))
            if number and self.trainer.several == "files":
                first = Path(sample.media[0])
                path = first.with_stem(stem := self.names.give(sample.stem))
                source = clip.path if how == "linked" else str(self.part / first)
                link = self.options.link if how == "linked" else "hardlink"
                media.place(source, self.part / path, link=link)
                one = replace(one, stem=stem, media=(path.as_posix(),))
            yield one

    def _texts(self, caption: Caption, name: str) -> tuple[tuple[str, ...], dict[str, Any]]:
        """What the trainer is to learn, each on one line, and what is noted about it."""
        if self.options.render is None:
            return (self._answer(caption),), {}
        texts: dict[str, dict[str, Any]] = {}
        wordings = self.options.wordings()
        for number, options in enumerate(wordings):
            prompt = render_with(caption, options, counter=self.counter)
            text = self._prompt(caption, prompt, name)
            left = {"dropped": prompt.dropped, "omitted": prompt.omitted}
            told = {key: getattr(prompt, key) for key in ("tokens", "counter", "limit")}
            dice = dice_of(caption, seed=options.seed, purpose=f"caption {number}")
            if dice.random() < self.options.drop_captions:
                text, left = one_line(options.prefix), {"dropped": (), "omitted": ("/",)}
                told["tokens"] = self.counter.count(text) if self.counter else 0
            what = {"length": options.length, "variant": options.variant}
            texts.setdefault(text, {**told, **left, **(what if wordings[1:] else {})})
        if len(texts) < len(wordings):
            alike = "the others would be the same"
            self.report.warn(name, f"{len(texts)} of {len(wordings)} captions: {alike}")
        notes = list(texts.values())
        return tuple(texts), notes[0] if len(wordings) == 1 else {"captions": notes}

    def _prompt(self, caption: Caption, prompt: Prompt, name: str) -> str:
        """A prompt on one line, with what is to be said of it; refused where it is empty."""
        for warning in prompt.warnings:
            self.report.warn(name, warning)
        text = one_line(prompt.text)
        if not text:
            raise InputError("the caption is empty")
        if text in READ_AS_MISSING:
            raise InputError(f"the caption {text!r} is read as a missing value by trainers")
        if NAMES_NOTHING not in prompt.warnings and names_nothing(caption, text):
            self.report.warn(name, NAMES_NOTHING)
        return text

    def _answer(self, caption: Caption) -> str:
        """What a captioner is to answer: the structured caption on one line."""
        text = answer_text(caption, "instancevid")
        require_answer(caption, json.loads(text))
        return one_line(text.replace("<", "\\u003c") if MARK.search(text) else text)

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

    def _warn_of_losses(self) -> None:
        """Name the clips that the trainer will pass over, and those it loads too little of."""
        if self.trainer.stills:
            return
        load = self.trainer.loader(self.part, self.plan)
        for name, info, whole, later in self.written:
            if (loaded := load(info)).reason:
                self.report.warn(name, loaded.drop)
            elif warning := cut_short(whole, info, loaded, later):
                self.report.warn(name, warning)

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
            **values_of(self.options, _RECORDED),
            **values_of(self.options.render, PROMPT_OPTIONS),
        }


_RECORDED = (
    "transcode", "question", "frames", "fps", "size", "fit", "lengths", "paraphrases",
    "drop_captions", "leave_out", "scene",
)  # fmt: skip
_LINKED = {"symlink": "linked", "hardlink": "linked", "copy": "copied"}


def _seconds_of(clip: Clip) -> float:
    """Length of a clip, 0 of a picture."""
    end = probe(clip).duration if clip.end is None else clip.end
    return round(max(0.0, (end or 0.0) - clip.start), 3)
