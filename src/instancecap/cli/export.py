"""``instancecap export``: a ready dataset for a trainer, and a check of one."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Json, Quiet
from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.datasets.export import CheckReport, Options, Report

TRAINERS = (
    "finetrainers, musubi-tuner, diffusion-pipe, videox-fun, diffsynth, open-sora-1.2, "
    "open-sora-2, cogvideo, cogvideo-sat, ai-toolkit, ltx-2, cosmos3, mochi, videofolder, "
    "webdataset; for captioners: llama-factory, ms-swift, trl"
)


class Task(StrEnum):
    """What the model is trained for."""

    T2V = "t2v"
    I2V = "i2v"


class Length(StrEnum):
    """How much a prompt tells."""

    DENSE = "dense"
    MEDIUM = "medium"
    SHORT = "short"
    TAGS = "tags"


class Fit(StrEnum):
    """How a picture of another shape is brought to a size."""

    CROP = "crop"
    PAD = "pad"


class Link(StrEnum):
    """How whole files get into a dataset."""

    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    COPY = "copy"


def export(
    captions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAPTIONS",
            show_default=False,
            help="Captions of any format: .json, .jsonl, .csv or .parquet files, folders of them, "
            "or glob patterns. None with --check alone.",
        ),
    ] = None,
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder of the dataset; it must be new or empty."
        ),
    ],
    for_: Annotated[
        str, typer.Option("--for", metavar="TRAINER", help=f"The trainer: {TRAINERS}.")
    ] = "",
    target: Annotated[
        str, typer.Option(metavar="MODEL", help="Render for this model, not the trainer's usual.")
    ] = "",
    task: Annotated[Task, typer.Option(help="i2v tells only what moves.")] = Task.T2V,
    length: Annotated[Length, typer.Option(help="How much a prompt tells.")] = Length.DENSE,
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Trigger words in front.")] = "",
    suffix: Annotated[
        str, typer.Option(metavar="TEXT", help="Put behind, such as 'motion score: {motion}.'")
    ] = "",
    drop_fields: Annotated[
        float, typer.Option(min=0, max=1, metavar="P", help="Leave out each field this often.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of --drop-fields.")] = 0,
    link: Annotated[
        Link, typer.Option(help="How whole files get into the dataset.")
    ] = Link.SYMLINK,
    copy: Annotated[bool, typer.Option("--copy", help="Short for --link copy.")] = False,
    transcode: Annotated[
        bool,
        typer.Option("--transcode", help="Encode every clip to the rules of trainer and model."),
    ] = False,
    frames: Annotated[
        int, typer.Option(min=0, metavar="N", help="Frames of a clip that training asks for.")
    ] = 0,
    fps: Annotated[
        float, typer.Option(min=0, metavar="RATE", help="Frames a second, not the model's.")
    ] = 0.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height of the clips.")] = "",
    fit: Annotated[Fit, typer.Option(help="Cut off what stands over, or add bars.")] = Fit.CROP,
    video_root: Annotated[
        str, typer.Option(metavar="DIR", help="Where relative paths of videos start.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export in DIR.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read the dataset in DIR back as the trainer would.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a dataset that a trainer reads, and check one."""
    from instancecap.datasets.export import Options

    if not captions and not check:
        raise UsageError("export: name CAPTIONS to write, or --check to read the dataset in --out")
    options = Options(
        target=target,
        task=task.value,
        length=length.value,
        prefix=prefix,
        suffix=suffix,
        drop_fields=drop_fields,
        seed=seed,
        link="copy" if copy else link.value,
        transcode=transcode,
        frames=frames,
        fps=fps,
        size=_parse_size(size),
        fit=fit.value,
        video_root=video_root,
        overwrite=overwrite,
    )
    written = _write(captions, for_, out, options, quiet) if captions else None
    # What was warned of while writing need not be said again.
    checked = (
        _check(for_, out, target, quiet, bool(captions)) if check and _is_there(written) else None
    )
    if json:
        terminal.print_json(_account(written, checked))
    failed = [report for report in (written, checked) if report is not None and report.failed]
    raise typer.Exit(int(bool(failed)))


def _parse_size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise UsageError(f"--size {text}: write it as WIDTHxHEIGHT, such as 832x480")
    return int(found[1]), int(found[2])


def _is_there(written: Report | None) -> bool:
    return written is None or bool(written.outputs)


def _write(captions: list[str], trainer: str, out: str, options: Options, quiet: bool) -> Report:
    from instancecap.datasets.captions import read_captions
    from instancecap.datasets.export import export as write_dataset
    from instancecap.datasets.export import find_trainer

    if not trainer:
        raise UsageError(f"--for: say for which trainer; allowed are {TRAINERS}")
    report = write_dataset(
        read_captions(captions),
        find_trainer(trainer),
        out,
        options=options,
        on_failure=_tell_failure,
        on_warning=_silent if quiet else _tell_warning,
    )
    if not quiet:
        made = ", ".join(f"{count} {how}" for how, count in report.made.items())
        failed = f", {len(report.failed)} failed" if report.failed else ""
        where = f" in {out} ({made})" if report.outputs else ""
        clips = "1 clip" if report.done == 1 else f"{report.done} clips"
        terminal.note(f"{clips}{where}{failed}, in {report.seconds:.1f} s")
    return report


def _check(trainer: str, out: str, target: str, quiet: bool, warned: bool) -> CheckReport:
    from instancecap.datasets.export import check as check_dataset

    report = check_dataset(
        out,
        trainer=trainer,
        target=target,
        on_failure=_tell_failure,
        on_warning=_silent if quiet or warned else _tell_warning,
    )
    if not quiet:
        terminal.note(f"checked: rows {report.rows}, faults {len(report.failed)}")
    return report


def _tell_failure(source: str, reason: str) -> None:
    terminal.note(f"failed: {source}: {reason}")


def _tell_warning(name: str, text: str) -> None:
    terminal.note(f"warning: {name}: {text}" if name else f"warning: {text}")


def _silent(name: str, text: str) -> None:
    pass


def _account(written: Report | None, checked: CheckReport | None) -> dict[str, object]:
    """What a ``--json`` run says."""
    account: dict[str, object] = {}
    if written is not None:
        account |= {
            "trainer": written.trainer,
            "target": written.target,
            "done": written.done,
            "made": written.made,
            "failed": [{"input": one, "reason": why} for one, why in written.failed],
            "warnings": [{"clip": one, "text": text} for one, text in written.warnings],
            "outputs": written.outputs,
            "seconds": round(written.seconds, 3),
        }
    if checked is not None:
        account["check"] = {
            "trainer": checked.trainer,
            "target": checked.target,
            "rows": checked.rows,
            "failed": [{"row": where, "reason": why} for where, why in checked.failed],
            "warnings": [{"row": where, "text": text} for where, text in checked.warnings],
        }
    return account
